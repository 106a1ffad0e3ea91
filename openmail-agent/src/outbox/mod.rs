//! Sends what is owed, within the limits.

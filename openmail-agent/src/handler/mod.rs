//! Handlers, what they take and what they give back.

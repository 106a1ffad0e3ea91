//! What every store must do, as one suite that each backend runs.

//! The attribute macro of `openmail-agent`.

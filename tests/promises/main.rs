//! The promises of the runtime, a module each.

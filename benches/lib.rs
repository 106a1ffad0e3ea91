//! Nothing but a place for `cargo bench`: see `runtime/`.

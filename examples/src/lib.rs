//! What the example programs share: a start that needs no account, and a knowledge base.

pub mod knowledge;
mod set_up;

pub use set_up::{SetUp, init_tracing, set_up, set_up_with_webhook};

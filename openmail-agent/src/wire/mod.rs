//! Bytes to model, and back: no I/O, no clock.
//!
//! Tolerant in: unknown fields, unknown kinds, missing or null optional fields and values of an unexpected shape are
//! never an error. Strict out: only what the contract lists.

pub mod event;
pub mod frame;
pub mod row;
pub mod signature;
pub mod text;

mod error;
mod lenient;

pub use error::{DecodeError, DecodeErrorKind};

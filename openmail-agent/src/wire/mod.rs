//! Bytes to model, and back: no I/O, no clock.
//!
//! Tolerant in: unknown fields, unknown kinds, missing or null optional fields and values of an unexpected shape are
//! never an error. Strict out: only what the contract lists.

// What is hidden is public for the fuzz targets alone, and free to change.
#[doc(hidden)]
pub mod event;
#[doc(hidden)]
pub mod frame;
pub(crate) mod row;
pub mod signature;
pub mod text;

mod error;
mod lenient;

#[doc(hidden)]
pub use error::{DecodeError, DecodeErrorKind};

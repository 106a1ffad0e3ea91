//! Bytes to values and back: events, frames, rows, signatures. No I/O, no clock.

pub mod frame;
pub mod signature;

//! The promises of the runtime, a module each, against a real server on a real socket and a real SQLite file.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bench;
mod in_order;
mod no_gap;
mod not_lost;
mod not_twice;
#[cfg(unix)]
mod postgres;
mod within_the_limits;

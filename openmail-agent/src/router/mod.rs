//! Which handler an event goes to: a table made and checked at start, and frozen then.
#![doc = include_str!("../../docs/routing.md")]

mod check;
mod entry;
mod inboxes;
mod pattern;
mod problem;
mod route;
mod table;

pub(crate) use entry::Entry;
pub(crate) use problem::StartProblem;
pub use route::{DEFAULT_RETRIES, DEFAULT_TIMEOUT, Route};
pub(crate) use table::{Router, RouterFacts};

#[cfg(test)]
mod tests;

#![doc = include_str!("../../docs/testing.md")]

mod commits;
mod inboxes;
mod incoming;
mod ran;
mod run;
mod sent;
mod service;

#[cfg(test)]
mod tests;

pub use incoming::{Incoming, IncomingMail, mail};
pub use ran::Ran;
pub use run::{RunOne, run_one};
pub use sent::Sent;

pub use crate::store::EventOutcome;

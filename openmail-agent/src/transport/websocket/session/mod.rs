//! The rules of the WebSocket as a state machine: no I/O, no clock, no async.

mod budget;
mod connection;
mod heartbeat;
mod input;
mod machine;
mod replay;

#[cfg(test)]
mod tests;

pub(crate) use input::{Action, Input, Refusal};
pub(crate) use machine::Session;

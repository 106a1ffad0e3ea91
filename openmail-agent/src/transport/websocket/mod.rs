//! Events over the WebSocket: the rules as a state machine (`session`), and the I/O around it.
//!
//! The reader never waits on a handler or on the network. It puts events into a bounded queue, which a recorder empties
//! into the store; the place to resume from moves in the transaction that records the events before it.

mod config;
mod dial;
mod driver;
mod link;
mod recorder;
pub(crate) mod session;
mod state;

#[cfg(test)]
mod tests;

pub(crate) use config::WebSocketConfig;
pub(crate) use driver::{Subscriptions, WebSocket};
pub use state::{Degradation, SocketState, StopReason};

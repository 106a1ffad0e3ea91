//! Events over the WebSocket: the rules as a state machine, and the I/O around it.

pub mod session;
mod state;

pub use state::{Degradation, SocketState, StopReason};

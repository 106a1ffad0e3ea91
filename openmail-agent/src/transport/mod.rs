//! How events arrive: over the WebSocket, as webhooks, and over REST where there may be a gap.

mod gap;
pub mod websocket;

pub use gap::{GapReason, GapSignal};

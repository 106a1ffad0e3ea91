//! How events arrive: over the WebSocket, as webhooks, and over REST where there may be a gap.

pub mod catch_up;
mod gap;
mod intake;
mod readiness;
#[cfg(feature = "webhook")]
pub mod webhook;
pub mod websocket;

#[cfg(test)]
mod tests;

pub use gap::{GapReason, GapSignal};
pub use intake::{Intake, Received, Via};
pub use readiness::{Readiness, ReadinessReport};

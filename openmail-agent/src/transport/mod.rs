//! How events arrive: over the WebSocket, as webhooks, and over REST where there may be a gap.
//!
//! All three ways lead through one [`Intake`] into the store, where the same mail is kept once, whatever ways it came. Who
//! suspects that mail was missed raises the [`GapSignal`]; the [catch-up](catch_up) follows it. What is here spawns nothing:
//! each way is a future that runs until it is told to stop.

pub mod catch_up;
mod gap;
mod intake;
mod pace;
mod readiness;
mod recording;
#[cfg(feature = "webhook")]
pub mod webhook;
pub mod websocket;

#[cfg(test)]
mod tests;

pub use gap::{GapReason, GapSignal};
pub use intake::{Intake, Received, Via};
pub use readiness::{Readiness, ReadinessReport};
pub use recording::report_recording;

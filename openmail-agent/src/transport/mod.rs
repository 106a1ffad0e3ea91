//! How events arrive: over the WebSocket, as webhooks, and over REST where there may be a gap.
//!
//! All three ways lead through one intake into the store, where the same mail is kept once, whatever ways it came. Who
//! suspects that mail was missed says so, and the catch-up over REST follows it. What is here spawns nothing: each way is a future that
//! runs until it is told to stop.
//!
//! A [running runtime](crate::runtime::RunningRuntime) shows what can be seen of it: its [`Readiness`], where its
//! [socket](websocket::SocketState) stands, and the service that takes webhooks.

pub(crate) mod catch_up;
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

pub(crate) use gap::{GapReason, GapSignal};
pub(crate) use intake::{Intake, Received, Via};
pub use readiness::{Readiness, ReadinessReport};
pub(crate) use recording::report_recording;

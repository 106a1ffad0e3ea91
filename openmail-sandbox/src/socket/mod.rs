//! The WebSocket: upgrade, messages, keepalive and close codes.

mod connection;
mod protocol;
mod upgrade;

pub(crate) use upgrade::upgrade;

use std::fmt;

/// Where the socket stands.
///
/// `connecting → subscribed → replaying → live`, with `degraded` whenever that is lost and `stopped` at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketState {
    /// The first connection is being made.
    Connecting,
    /// Another process that shares the store holds the socket, and this one takes over when that falls silent.
    Standby,
    /// The subscription is confirmed, and a replay was asked for.
    Subscribed,
    /// What was missed is being replayed.
    Replaying,
    /// Events arrive as they happen.
    Live,
    /// Events do not arrive, or not all of them; it is tried again without end.
    Degraded(Degradation),
    /// Nothing more is tried.
    Stopped(StopReason),
}

impl SocketState {
    /// Whether a subscription is confirmed and in force, or another process sees to that.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Standby | Self::Subscribed | Self::Replaying | Self::Live)
    }
}

impl fmt::Display for SocketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Standby => f.write_str("standing by"),
            Self::Subscribed => f.write_str("subscribed"),
            Self::Replaying => f.write_str("replaying"),
            Self::Live => f.write_str("live"),
            Self::Degraded(why) => write!(f, "degraded: {why}"),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
        }
    }
}

/// Why events do not arrive as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Degradation {
    /// The service cannot be reached.
    Unreachable,
    /// The service refused the connection for now, with this HTTP status.
    Refused(u16),
    /// The connection was lost; the code is the service's, where it gave one.
    Lost(Option<u16>),
    /// The other side fell silent.
    Silent,
    /// The connection is open, but the subscription was not confirmed.
    Deaf,
    /// The subscription does not cover the inbox that was asked for.
    Uncovered,
    /// Events arrived faster than the store took them.
    StoreSlow,
    /// An event is larger than the socket takes; it is left to the catch-up.
    Oversized,
}

impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the service cannot be reached"),
            Self::Refused(status) => write!(f, "the service refused the connection with status {status}"),
            Self::Lost(Some(code)) => write!(f, "the connection was closed with code {code}"),
            Self::Lost(None) => f.write_str("the connection was lost"),
            Self::Silent => f.write_str("the service fell silent"),
            Self::Deaf => f.write_str("the subscription was not confirmed"),
            Self::Uncovered => f.write_str("the subscription does not cover the inbox"),
            Self::StoreSlow => f.write_str("events arrive faster than the store takes them"),
            Self::Oversized => f.write_str("an event is too large for the socket"),
        }
    }
}

/// Why the socket is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The key is invalid or was revoked.
    KeyRefused,
    /// The key may not use the socket.
    Forbidden,
    /// The runtime is stopping.
    ShutDown,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyRefused => "the key is invalid or was revoked: set OPENMAIL_API_KEY to a valid one",
            Self::Forbidden => "the key may not use the WebSocket: use another key, or receive by webhook",
            Self::ShutDown => "shutting down",
        })
    }
}

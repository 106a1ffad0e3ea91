use jiff::Timestamp;

use super::Operation;

/// A request, as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// What was asked for.
    pub operation: Operation,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// When it came in, in sandbox time.
    pub at: Timestamp,
    /// The status it was answered with; none if the connection was cut instead.
    pub status: Option<u16>,
}

/// A message that a client sent over a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientMessage {
    /// The socket it came over: they are numbered from 0 in the order they were opened.
    pub socket: u64,
    /// The message as it came.
    pub text: String,
    /// When it came in, in sandbox time.
    pub at: Timestamp,
}

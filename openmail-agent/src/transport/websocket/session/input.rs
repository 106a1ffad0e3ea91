use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::model::EventId;
use crate::transport::GapReason;
use crate::wire::event::Envelope;
use crate::wire::frame::{ClientFrame, ServerFrame};

use super::super::state::{SocketState, StopReason};

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Time passed: a deadline has come.
    Tick,
    /// The connection is open.
    Connected,
    /// The connection could not be made.
    ConnectFailed,
    /// The service answered the upgrade with an HTTP status.
    Refused(Refusal),
    /// A text or binary frame arrived.
    Frame(ServerFrame),
    /// A protocol-level ping arrived; it is answered below.
    PeerPing,
    /// A protocol-level pong arrived.
    PeerPong,
    /// The connection has ended, with the service's close code where there was one.
    Closed(Option<u16>),
    /// The connection has ended because a message is larger than we take.
    Oversized,
    /// An event could not be handed on in time: the recorder is behind.
    Stalled,
    /// Events up to this one are in the store.
    Recorded(EventId),
    /// There are more inboxes than there were at the last subscribe.
    SubscribeAgain,
}

/// How the service refused the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// What to do, in this order.
#[derive(Clone, PartialEq)]
pub(crate) enum Action {
    /// Open a connection.
    Dial,
    /// Send a frame.
    Send(ClientFrame),
    /// Send a protocol-level ping.
    Ping,
    /// Hand an event to the recorder.
    Deliver {
        /// The event as it came.
        body: Bytes,
        /// Its id, where it has one.
        event_id: Option<EventId>,
        /// What it is about, where that is plain.
        envelope: Option<Envelope>,
    },
    /// Tell whoever watches where the socket stands.
    State(SocketState),
    /// Have the gap closed over REST.
    Gap(GapReason),
    /// Tell the operator what the service refused, in the service's words.
    Report(String),
    /// Close the connection, if there is one.
    Close,
    /// End.
    Stop(StopReason),
}

/// Bodies and the service's words stay out of `Debug`.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial => f.write_str("Dial"),
            Self::Send(frame) => f.debug_tuple("Send").field(frame).finish(),
            Self::Ping => f.write_str("Ping"),
            Self::Deliver { body, event_id, .. } => write!(f, "Deliver({event_id:?}, {} bytes)", body.len()),
            Self::State(state) => f.debug_tuple("State").field(state).finish(),
            Self::Gap(reason) => f.debug_tuple("Gap").field(reason).finish(),
            Self::Report(message) => write!(f, "Report({} bytes)", message.len()),
            Self::Close => f.write_str("Close"),
            Self::Stop(reason) => f.debug_tuple("Stop").field(reason).finish(),
        }
    }
}

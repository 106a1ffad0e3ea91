use std::time::Duration;

use jiff::Timestamp;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventState {
    /// A fault holds it back.
    Held,
    /// A fault lost it on its way.
    Lost,
    /// Handed to this many sockets.
    Socket {
        /// Frames written, duplicates included.
        copies: usize,
    },
    /// Waits for the webhook's answer or its next attempt.
    WebhookPending,
    /// The webhook took it.
    WebhookDelivered,
    /// Nobody took it: no socket, and no webhook or five failures.
    Failed,
}

/// Which way a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Written to a socket as it happened.
    Socket,
    /// Written to a socket after its `last_event_id`.
    Replay,
    /// Posted to a webhook.
    Webhook,
}

/// One attempt to hand an event over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Which way it went.
    pub transport: Transport,
    /// Counts from one.
    pub attempt: u32,
    /// When it ended, in sandbox time.
    pub at: Timestamp,
    /// How long after the event that was, in sandbox time.
    pub latency: Duration,
    /// How the webhook answered; none for sockets.
    pub outcome: Option<WebhookOutcome>,
}

/// An event as the sandbox's log has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventRecord {
    /// The event's id, opaque.
    pub id: String,
    /// `message.received` and its like.
    pub kind: String,
    /// The inbox it is about; none for pod events.
    pub inbox_id: Option<String>,
    /// When it came about, in sandbox time.
    pub occurred_at: Timestamp,
    /// What became of it.
    pub state: EventState,
    /// The attempts to hand it over, in the order they ended.
    pub deliveries: Vec<Delivery>,
    pub(crate) content: EventContent,
}

/// What the body of an event is made of, each time it is sent.
#[derive(Clone, Debug)]
pub(crate) enum EventContent {
    /// A new message. It never changes, so its fields need not be kept twice.
    Message {
        id: String,
        thread_id: String,
    },
    Fields(serde_json::Map<String, serde_json::Value>),
}

/// How a webhook attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookOutcome {
    /// An answer came, with this status.
    Answered(u16),
    /// No answer came in time.
    TimedOut,
    /// The connection failed.
    Unreachable,
}

impl WebhookOutcome {
    /// Whether the receiver took the event.
    #[must_use]
    pub fn is_delivered(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

/// One `POST` to a webhook.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookAttempt {
    /// The event that was sent.
    pub event_id: String,
    /// Its kind.
    pub kind: String,
    /// Where it went.
    pub url: String,
    /// Counts from one.
    pub attempt: u32,
    /// When it ended, in sandbox time.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: WebhookOutcome,
}

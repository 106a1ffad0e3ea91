use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, EventId, ExternalId, IdempotencyKey, InboxId, Message, PodId, ThreadId};

/// News of an inbox: a mail that came in, or a change of its standing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Stable across the service's retries. One mail can still come under several event ids.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened, by the service's clock: the only order among events.
    pub occurred_at: Option<Timestamp>,
    /// The inbox it is about; `None` for news of a whole pod.
    pub inbox_id: Option<InboxId>,
    /// Your own name for the inbox, where it has one.
    pub external_id: Option<ExternalId>,
    /// The conversation it belongs to.
    pub thread_id: Option<ThreadId>,
    /// What the news says.
    pub payload: Payload,
}

impl Event {
    /// An event of which nothing else is known.
    pub fn new(id: impl Into<EventId>, kind: EventKind, payload: Payload) -> Self {
        Self {
            id: id.into(),
            kind,
            occurred_at: None,
            inbox_id: None,
            external_id: None,
            thread_id: None,
            payload,
        }
    }
}

/// What an event says, by kind.
#[derive(Clone)]
#[non_exhaustive]
pub enum Payload {
    /// `message.received`.
    Message(Arc<Message>),
    /// `inbox.*` and `pod.*`.
    Lifecycle(Lifecycle),
    /// `reply.failed`: the runtime's own news of a send that failed for good.
    SendFailure(SendFailure),
    /// A kind this version does not know, or whose body has another shape, as it came.
    Unknown(Box<serde_json::value::RawValue>),
}

/// What is not understood stays out of `Debug`: it may be anything.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.debug_tuple("Message").field(message).finish(),
            Self::Lifecycle(lifecycle) => f.debug_tuple("Lifecycle").field(lifecycle).finish(),
            Self::SendFailure(failure) => f.debug_tuple("SendFailure").field(failure).finish(),
            Self::Unknown(json) => write!(f, "Unknown({} bytes)", json.get().len()),
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(one), Self::Message(other)) => one == other,
            (Self::Lifecycle(one), Self::Lifecycle(other)) => one == other,
            (Self::SendFailure(one), Self::SendFailure(other)) => one == other,
            (Self::Unknown(one), Self::Unknown(other)) => one.get() == other.get(),
            _ => false,
        }
    }
}

/// The name of a kind of event, such as `message.received`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKind(Cow<'static, str>);

impl EventKind {
    /// New inbound mail.
    pub const MESSAGE_RECEIVED: Self = Self(Cow::Borrowed("message.received"));
    /// Sending from an inbox is blocked.
    pub const INBOX_SUSPENDED: Self = Self(Cow::Borrowed("inbox.suspended"));
    /// Sending from an inbox is allowed again.
    pub const INBOX_REACTIVATED: Self = Self(Cow::Borrowed("inbox.reactivated"));
    /// Sending from every inbox of a pod is blocked.
    pub const POD_SUSPENDED: Self = Self(Cow::Borrowed("pod.suspended"));
    /// Sending from every inbox of a pod is allowed again.
    pub const POD_REACTIVATED: Self = Self(Cow::Borrowed("pod.reactivated"));
    /// The runtime's own news: a reply could not be sent and never will be.
    pub const REPLY_FAILED: Self = Self(Cow::Borrowed("reply.failed"));

    /// Every kind that this version knows.
    pub(crate) const KNOWN: [Self; 6] = [
        Self::MESSAGE_RECEIVED,
        Self::INBOX_SUSPENDED,
        Self::INBOX_REACTIVATED,
        Self::POD_SUSPENDED,
        Self::POD_REACTIVATED,
        Self::REPLY_FAILED,
    ];

    /// A kind by its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// A kind by its name, which costs nothing where this version knows it.
    pub(crate) fn named(name: &str) -> Self {
        Self::KNOWN.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| Self::new(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for EventKind {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl From<String> for EventKind {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An inbox or a pod was cut off, or let back in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lifecycle {
    /// `inbox.suspended`, `inbox.reactivated`, `pod.suspended` or `pod.reactivated`.
    pub kind: EventKind,
    /// The inbox, unless the news is of a whole pod.
    pub inbox_id: Option<InboxId>,
    /// That inbox's address.
    pub inbox_address: Option<Address>,
    /// The pod.
    pub pod_id: Option<PodId>,
    /// Why; `None` on `*.reactivated`.
    pub reason: Option<SuspensionReason>,
    /// When, by the service's clock.
    pub occurred_at: Option<Timestamp>,
}

impl Lifecycle {
    /// News of this kind about nothing in particular yet.
    #[must_use]
    pub fn new(kind: EventKind) -> Self {
        Self { kind, inbox_id: None, inbox_address: None, pod_id: None, reason: None, occurred_at: None }
    }

    /// Whether sending is blocked by this news.
    #[must_use]
    pub fn is_suspension(&self) -> bool {
        self.kind == EventKind::INBOX_SUSPENDED || self.kind == EventKind::POD_SUSPENDED
    }
}

/// Why an inbox or a pod was suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuspensionReason {
    /// Too many of its mails bounced.
    HighBounceRate,
    /// Too many recipients complained.
    HighComplaintRate,
    /// Abuse.
    Abuse,
    /// Another inbox of its pod did harm.
    PodDegraded,
    /// Somebody is looking at it.
    ManualReview,
    /// A reason this version does not know, `other` among them.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for SuspensionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HighBounceRate => "high bounce rate",
            Self::HighComplaintRate => "high complaint rate",
            Self::Abuse => "abuse",
            Self::PodDegraded => "another inbox of its pod did harm",
            Self::ManualReview => "manual review",
            Self::Other(reason) => reason,
        })
    }
}

/// A reply that could not be sent and never will be.
///
/// `Debug` shows neither the subject nor the words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SendFailure {
    /// The key it was sent under.
    pub idempotency_key: IdempotencyKey,
    /// The handler whose reply it was.
    pub handler: String,
    /// Whom it was for.
    pub to: Option<Address>,
    /// Its subject, where it began a conversation of its own.
    pub subject: Option<String>,
    /// The service's code, such as `recipient_suppressed`; `None` where the runtime itself gave up.
    pub code: Option<String>,
    /// The service's words, or the runtime's.
    pub message: String,
}

impl SendFailure {
    /// A failure with its cause.
    #[must_use]
    pub fn new(
        idempotency_key: impl Into<IdempotencyKey>,
        handler: impl Into<String>,
        code: Option<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            idempotency_key: idempotency_key.into(),
            handler: handler.into(),
            to: None,
            subject: None,
            code,
            message: message.into(),
        }
    }
}

impl fmt::Debug for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFailure")
            .field("idempotency_key", &self.idempotency_key)
            .field("handler", &self.handler)
            .field("to", &self.to)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

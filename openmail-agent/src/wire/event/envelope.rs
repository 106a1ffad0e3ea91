use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Event, EventId, EventKind, InboxId, Message, MessageId, Payload, PodId, ThreadId};
use crate::wire::lenient::{Object, Text, id, object, read, timestamp};
use crate::wire::{DecodeError, DecodeErrorKind};

use super::fallback_id;

/// What an event is about, without what it says: all that is needed to keep it in its place until it is handled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened, by the service's clock.
    pub occurred_at: Option<Timestamp>,
    /// The inbox it is about; `None` for news of a whole pod.
    pub inbox_id: Option<InboxId>,
    /// The pod it is about, where it says so.
    pub pod_id: Option<PodId>,
    /// The conversation it belongs to.
    pub thread_id: Option<ThreadId>,
    /// The mail it tells of, where it tells of one.
    pub message_id: Option<MessageId>,
}

/// Reads what an event is about, and passes over the rest: a fraction of the work that [`decode`](super::decode()) is.
///
/// `hint` is the id to use where the body has none, as there.
///
/// # Errors
///
/// As [`decode`](super::decode()): what this refuses, that refuses too, and where both read an event they agree. The other way round
/// a body may be refused that has an envelope, such as one that is nested too deep where this does not look.
pub fn envelope(body: &[u8], hint: Option<EventId>) -> Result<Envelope, DecodeError> {
    read(body, |mended| {
        let frame: EnvelopeFrame<'_> = object(mended)?;
        frame.head().envelope(body, hint.clone())
    })
}

/// The envelope of the event in a frame of the socket, if that is plainly what the frame holds: with a name and an id, whatever its
/// type.
pub(in crate::wire) fn envelope_of_frame(body: &[u8]) -> Option<Envelope> {
    let frame: EnvelopeFrame<'_> = object(body).ok()?;
    let is_plain =
        frame.event.as_deref().is_some() && frame.event_id.as_deref().is_some_and(|id| !id.trim().is_empty());
    is_plain.then(|| frame.head().envelope(body, None).ok()).flatten()
}

/// The fields of an event that an envelope is made of, as they were sent.
pub(super) struct Head<'a> {
    pub(super) event: Option<&'a str>,
    pub(super) r#type: Option<&'a str>,
    pub(super) event_id: Option<&'a str>,
    pub(super) occurred_at: Option<&'a str>,
    pub(super) inbox_id: Option<&'a str>,
    pub(super) pod_id: Option<&'a str>,
    pub(super) thread_id: Option<&'a str>,
    pub(super) message: Option<MessageHead<'a>>,
    /// The key of the reply that failed.
    pub(super) failed_key: Option<&'a str>,
}

/// The same of the mail within an event.
pub(super) struct MessageHead<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) thread_id: Option<&'a str>,
    pub(super) received_at: Option<&'a str>,
}

impl Envelope {
    /// The event, as far as this tells, where it tells of a mail.
    pub(crate) fn into_mail(self) -> Option<Event> {
        let thread_id = self.thread_id;
        let message = Message { thread_id: thread_id.clone(), ..Message::new(self.message_id?) };
        Some(Event {
            id: self.id,
            kind: self.kind,
            occurred_at: self.occurred_at,
            inbox_id: self.inbox_id,
            external_id: None,
            thread_id,
            payload: Payload::Message(Arc::new(message)),
        })
    }
}

impl Head<'_> {
    /// The envelope of this body, as it came.
    pub(super) fn envelope(self, body: &[u8], hint: Option<EventId>) -> Result<Envelope, DecodeError> {
        let kind = self.event.or(self.r#type).filter(|kind| !kind.trim().is_empty());
        let mut envelope = Envelope {
            kind: EventKind::named(kind.ok_or(DecodeErrorKind::Missing("event"))?),
            occurred_at: timestamp(self.occurred_at),
            inbox_id: id(self.inbox_id),
            pod_id: id(self.pod_id),
            thread_id: id(self.thread_id),
            message_id: None,
            id: id(self.event_id).or(hint).unwrap_or_else(|| fallback_id(body)),
        };
        let missing = match envelope.kind.as_str() {
            "message.received" => {
                if let Some(message) = self.message {
                    envelope.message_id = id(message.id);
                    envelope.thread_id = envelope.thread_id.or_else(|| id(message.thread_id));
                    envelope.occurred_at = envelope.occurred_at.or_else(|| timestamp(message.received_at));
                }
                envelope.message_id.is_none().then_some("message.id")
            }
            "inbox.suspended" | "inbox.reactivated" => envelope.inbox_id.is_none().then_some("inbox_id"),
            "pod.suspended" | "pod.reactivated" => envelope.pod_id.is_none().then_some("pod_id"),
            "reply.failed" => {
                let key = self.failed_key.filter(|key| !key.trim().is_empty());
                key.is_none().then_some("failure.idempotency_key")
            }
            _ => None,
        };
        missing.map_or(Ok(envelope), |missing| Err(DecodeErrorKind::Missing(missing).into()))
    }
}

/// The fields of an envelope, borrowed from the body.
#[derive(Deserialize)]
struct EnvelopeFrame<'a> {
    #[serde(default, borrow)]
    event: Text<'a>,
    #[serde(default, borrow)]
    r#type: Text<'a>,
    #[serde(default, borrow)]
    event_id: Text<'a>,
    #[serde(default, borrow)]
    occurred_at: Text<'a>,
    #[serde(default, borrow)]
    inbox_id: Text<'a>,
    #[serde(default, borrow)]
    pod_id: Text<'a>,
    #[serde(default, borrow)]
    thread_id: Text<'a>,
    #[serde(default, borrow)]
    message: Object<MessageEnvelope<'a>>,
    #[serde(default, borrow)]
    failure: Object<FailureEnvelope<'a>>,
}

#[derive(Deserialize)]
struct MessageEnvelope<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    thread_id: Text<'a>,
    #[serde(default, borrow)]
    received_at: Text<'a>,
}

#[derive(Deserialize)]
struct FailureEnvelope<'a> {
    #[serde(default, borrow)]
    idempotency_key: Text<'a>,
}

impl EnvelopeFrame<'_> {
    fn head(&self) -> Head<'_> {
        let message = self.message.0.as_ref();
        Head {
            event: self.event.as_deref(),
            r#type: self.r#type.as_deref(),
            event_id: self.event_id.as_deref(),
            occurred_at: self.occurred_at.as_deref(),
            inbox_id: self.inbox_id.as_deref(),
            pod_id: self.pod_id.as_deref(),
            thread_id: self.thread_id.as_deref(),
            message: message.map(|message| MessageHead {
                id: message.id.as_deref(),
                thread_id: message.thread_id.as_deref(),
                received_at: message.received_at.as_deref(),
            }),
            failed_key: self.failure.0.as_ref().and_then(|failure| failure.idempotency_key.as_deref()),
        }
    }
}

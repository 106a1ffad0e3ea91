use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::{Event, EventId, EventKind, InboxId, Lifecycle, Payload, PodId, ThreadId};
use crate::wire::lenient::{object, read};
use crate::wire::{DecodeError, DecodeErrorKind};

use super::frame::{FailureFrame, Frame};

/// Reads an event from a webhook's body or a socket's frame.
///
/// `hint` is the id to use where the body has none, such as the webhook's `X-Event-Id`; without it, the id is
/// [made from the body](fallback_id). An unknown kind is no error: its JSON is kept in [`Payload::Unknown`].
///
/// # Errors
///
/// [`Syntax`](DecodeErrorKind::Syntax) and [`Shape`](DecodeErrorKind::Shape) for what is no JSON object,
/// [`Missing`](DecodeErrorKind::Missing) for an event without `event`, or of a known kind without what it is about.
/// Such a body is to be kept aside under its [fallback id](fallback_id), not thrown away.
pub fn decode(body: &[u8], hint: Option<EventId>) -> Result<Event, DecodeError> {
    read(body, |body| from_json(body, hint.clone()))
}

/// An id made from the body's content, for an event that has none or cannot be read: the same bytes, the same id.
#[must_use]
pub fn fallback_id(body: &[u8]) -> EventId {
    let digest = Sha256::digest(body);
    EventId::from(format!("sha256:{}", hex::encode(&digest[..16])))
}

/// The event in a frame of the socket, if that is plainly what the frame holds: with a name and an id, whatever its type.
pub(in crate::wire) fn decode_frame(body: &[u8]) -> Option<Event> {
    let frame: Frame<'_> = object(body).ok()?;
    let is_plain =
        frame.event.as_deref().is_some() && frame.event_id.as_deref().is_some_and(|id| !id.is_empty());
    is_plain.then(|| from_frame(frame, body, None).ok()).flatten()
}

fn from_json(body: &[u8], hint: Option<EventId>) -> Result<Event, DecodeError> {
    from_frame(object(body)?, body, hint)
}

fn from_frame(frame: Frame<'_>, body: &[u8], hint: Option<EventId>) -> Result<Event, DecodeError> {
    let kind = frame.event.or(frame.r#type);
    let kind = kind.as_deref().filter(|kind| !kind.trim().is_empty());
    let kind = EventKind::named(kind.ok_or(DecodeErrorKind::Missing("event"))?);
    let about = About {
        inbox_id: frame.inbox_id.id(),
        pod_id: frame.pod_id.id(),
        thread_id: frame.thread_id.id(),
        occurred_at: frame.occurred_at.timestamp(),
    };
    let payload = match kind.as_str() {
        "message.received" => {
            let message = frame.message.0.and_then(|message| message.into_message(about.thread_id.clone()));
            Payload::Message(Arc::new(message.ok_or(DecodeErrorKind::Missing("message.id"))?))
        }
        "inbox.suspended" | "inbox.reactivated" | "pod.suspended" | "pod.reactivated" => {
            let news = about.lifecycle(&kind)?;
            let (inbox_address, reason) = (frame.inbox_address.first(), frame.reason.named());
            Payload::Lifecycle(Lifecycle { inbox_address, reason, ..news })
        }
        "reply.failed" => {
            let failure = frame.failure.0.and_then(FailureFrame::into_failure);
            Payload::SendFailure(failure.ok_or(DecodeErrorKind::Missing("failure.idempotency_key"))?)
        }
        _ => Payload::Unknown(serde_json::from_slice(body)?),
    };
    let message = match &payload {
        Payload::Message(message) => Some(message),
        _ => None,
    };
    Ok(Event {
        id: frame.event_id.id().or(hint).unwrap_or_else(|| fallback_id(body)),
        occurred_at: about.occurred_at.or(message.and_then(|message| message.at)),
        inbox_id: about.inbox_id,
        external_id: frame.external_id.id(),
        thread_id: about.thread_id.or_else(|| message?.thread_id.clone()),
        kind,
        payload,
    })
}

/// What an event of any kind can be about.
struct About {
    inbox_id: Option<InboxId>,
    pod_id: Option<PodId>,
    thread_id: Option<ThreadId>,
    occurred_at: Option<Timestamp>,
}

impl About {
    fn lifecycle(&self, kind: &EventKind) -> Result<Lifecycle, DecodeError> {
        let of_pod = kind.as_str().starts_with("pod.");
        if of_pod && self.pod_id.is_none() {
            return Err(DecodeErrorKind::Missing("pod_id").into());
        }
        if !of_pod && self.inbox_id.is_none() {
            return Err(DecodeErrorKind::Missing("inbox_id").into());
        }
        Ok(Lifecycle {
            inbox_id: self.inbox_id.clone(),
            pod_id: self.pod_id.clone(),
            occurred_at: self.occurred_at,
            ..Lifecycle::new(kind.clone())
        })
    }
}

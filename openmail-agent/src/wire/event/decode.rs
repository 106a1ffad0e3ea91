use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::{Event, EventId, Lifecycle, Payload};
use crate::wire::lenient::{object, read};
use crate::wire::{DecodeError, DecodeErrorKind};

use super::Envelope;
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
    read(body, |mended| from_json(mended, body, hint.clone()))
}

/// An id made from the body's content, for an event that has none or cannot be read: the same bytes, the same id.
#[must_use]
pub fn fallback_id(body: &[u8]) -> EventId {
    let digest = Sha256::digest(body);
    EventId::from(format!("sha256:{}", hex::encode(&digest[..16])))
}

fn from_json(mended: &[u8], body: &[u8], hint: Option<EventId>) -> Result<Event, DecodeError> {
    let frame: Frame<'_> = object(mended)?;
    let envelope = frame.head().envelope(body, hint)?;
    let payload = match envelope.kind.as_str() {
        "message.received" => {
            let message = frame.message.0.and_then(|message| message.into_message(&envelope));
            Payload::Message(Arc::new(message.ok_or(DecodeErrorKind::Missing("message.id"))?))
        }
        "inbox.suspended" | "inbox.reactivated" | "pod.suspended" | "pod.reactivated" => {
            let (inbox_address, reason) = (frame.inbox_address.first(), frame.reason.named());
            Payload::Lifecycle(Lifecycle { inbox_address, reason, ..lifecycle(&envelope) })
        }
        "reply.failed" => {
            let failure = frame.failure.0.and_then(FailureFrame::into_failure);
            Payload::SendFailure(failure.ok_or(DecodeErrorKind::Missing("failure.idempotency_key"))?)
        }
        _ => Payload::Unknown(serde_json::from_slice(mended)?),
    };
    let Envelope { id, kind, occurred_at, inbox_id, thread_id, .. } = envelope;
    Ok(Event { id, kind, occurred_at, inbox_id, external_id: frame.external_id.id(), thread_id, payload })
}

fn lifecycle(envelope: &Envelope) -> Lifecycle {
    Lifecycle {
        inbox_id: envelope.inbox_id.clone(),
        pod_id: envelope.pod_id.clone(),
        occurred_at: envelope.occurred_at,
        ..Lifecycle::new(envelope.kind.clone())
    }
}

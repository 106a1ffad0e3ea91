use bytes::Bytes;
use jiff::Timestamp;
use tracing::warn;

use crate::model::{Event, EventId, EventKind, Payload, SendFailure};
use crate::store::{Lane, NewEvent, NewSend};
use crate::wire;

use super::key::is_on_failure;

/// `reply.failed`: the event that tells of a send which failed for good, in the lane of its conversation.
///
/// There is none of a send that such an event led to: a handler that cannot be answered would otherwise feed itself for ever.
pub(super) fn reply_failed(
    send: &NewSend,
    code: Option<String>,
    message: impl Into<String>,
    now: Timestamp,
) -> Option<NewEvent> {
    if is_on_failure(&send.key) {
        warn!(key = %send.key, handler = send.handler, "what a handler of `reply.failed` sent has failed: no handler is told");
        return None;
    }
    let mut failure = SendFailure::new(send.key.clone(), &send.handler, code, message);
    failure.to = Some(send.draft.recipients.to.clone());
    failure.subject.clone_from(&send.draft.subject);
    let event = Event {
        id: EventId::new(format!("failed:{}", send.key)),
        kind: EventKind::REPLY_FAILED,
        occurred_at: Some(now),
        inbox_id: Some(send.inbox_id.clone()),
        external_id: None,
        thread_id: send.draft.thread_id.clone(),
        payload: Payload::SendFailure(failure),
    };
    let lane = send.draft.thread_id.as_ref().map_or(send.inbox_id.as_str(), |thread| thread.as_str());
    Some(NewEvent {
        event_id: event.id.clone(),
        message_id: None,
        inbox_id: event.inbox_id.clone(),
        lane: Lane(lane.into()),
        kind: event.kind.clone(),
        occurred_at: now,
        received_at: now,
        body: Bytes::from(wire::event::encode(&event)),
        parked: None,
    })
}

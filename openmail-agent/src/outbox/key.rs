use sha2::{Digest, Sha256};

use crate::model::{Event, IdempotencyKey, Payload};

/// Which of a handler's sends are counted together.
///
/// Replies that leave at once are numbered apart from those committed at the end, so that a second try which takes another
/// way through the handler cannot take the one for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendSpace {
    /// Committed when the handler succeeds.
    Draft,
    /// Committed while the handler runs.
    Now,
    /// Committed by a layer around the handler, before, during or after its call.
    Around,
}

/// The key of a send: the same for the same mail, handler and number, whenever and wherever it is made.
///
/// The mail counts, not the event that brought it, since one mail can come under several event ids. What a handler of
/// `reply.failed` sends has a key that says so, since its own failure is no news.
#[must_use]
pub(crate) fn idempotency_key(event: &Event, handler: &str, space: SendSpace, number: u32) -> IdempotencyKey {
    let subject = match &event.payload {
        Payload::Message(message) => message.id.as_str(),
        _ => event.id.as_str(),
    };
    let space = match space {
        SendSpace::Draft => "draft",
        SendSpace::Now => "now",
        SendSpace::Around => "around",
    };
    let mut hash = Sha256::new();
    for part in [subject, handler, space, &number.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let prefix = match &event.payload {
        Payload::SendFailure(_) => ON_FAILURE,
        _ => "oma_",
    };
    IdempotencyKey::new(format!("{prefix}{}", hex::encode(&hash.finalize()[..20])))
}

/// Whether a handler of `reply.failed` made the send of this key.
pub(super) fn is_on_failure(key: &IdempotencyKey) -> bool {
    key.as_str().starts_with(ON_FAILURE)
}

/// Begins the keys of what handlers of `reply.failed` send.
const ON_FAILURE: &str = "oma_failed_";

use sha2::{Digest, Sha256};

use crate::model::{Event, IdempotencyKey, Payload};

/// Which of a handler's sends are counted together.
///
/// Replies that leave at once are numbered apart from those committed at the end, so that a second try which takes another
/// way through the handler cannot take the one for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendSpace {
    /// Committed when the handler succeeds.
    Draft,
    /// Committed while the handler runs.
    Now,
}

/// The key of a send: the same for the same mail, handler and number, whenever and wherever it is made.
///
/// The mail counts, not the event that brought it, since one mail can come under several event ids.
#[must_use]
pub fn idempotency_key(event: &Event, handler: &str, space: SendSpace, number: u32) -> IdempotencyKey {
    let subject = match &event.payload {
        Payload::Message(message) => message.id.as_str(),
        _ => event.id.as_str(),
    };
    let space = match space {
        SendSpace::Draft => "draft",
        SendSpace::Now => "now",
    };
    let mut hash = Sha256::new();
    for part in [subject, handler, space, &number.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    IdempotencyKey::new(format!("oma_{}", hex::encode(&hash.finalize()[..20])))
}

use std::sync::Arc;

use bytes::Bytes;

use crate::limit::{Pause, Slot};
use crate::model::{EventId, IdempotencyKey, InboxId, MessageId, ThreadId};
use crate::store::{Bookmark, HoldScope, NewEvent, NewSend, Note, NoteScope, Result, SendState, WorkerId};

use super::{Digest, Names};

/// Where the rows lie. Times are milliseconds; every write belongs to the transaction of the verb that makes it.
///
/// A shelf keeps what it is told and decides nothing. When one of these fails, the transaction as a whole must be undone.
pub(crate) trait Shelf {
    fn put_bookmark(&mut self, bookmark: Bookmark) -> Result<()>;
    fn bookmark(&mut self, name: &str) -> Result<Option<String>>;
    fn put_note(&mut self, note: Note) -> Result<()>;
    fn note(&mut self, scope: &NoteScope) -> Result<Option<Bytes>>;

    /// Events come with ascending numbers.
    fn add_event(&mut self, seq: i64, names: Names, event: Arc<NewEvent>) -> Result<()>;
    /// Another event id under which the mail of an event came.
    fn add_alias(&mut self, seq: i64, event_id: EventId) -> Result<()>;
    fn event(&mut self, seq: i64) -> Result<Arc<NewEvent>>;
    fn lease_event(&mut self, seq: i64, attempts: u32, fence: i64, worker: &WorkerId) -> Result<()>;
    /// The lease lapsed; its fence stays good until somebody else takes the event.
    fn free_event(&mut self, seq: i64) -> Result<()>;
    fn settle_event(&mut self, seq: i64, fate: EventFate) -> Result<()>;
    /// Removes an event and its step notes, and tells every name under which it was known.
    fn forget_event(&mut self, seq: i64) -> Result<Vec<Digest>>;

    fn add_send(&mut self, seq: i64, send: FreshSend) -> Result<()>;
    fn send(&mut self, seq: i64) -> Result<NewSend>;
    fn send_state(&mut self, seq: i64) -> Result<SendState>;
    /// The key of a send, and the event it comes from.
    fn send_origin(&mut self, seq: i64) -> Result<(IdempotencyKey, i64)>;
    fn reserve_send(
        &mut self,
        seq: i64,
        attempts: u32,
        first: i64,
        fence: i64,
        worker: &WorkerId,
    ) -> Result<()>;
    /// The first attempt was made earlier than it seemed.
    fn age_send(&mut self, seq: i64, first: i64) -> Result<()>;
    /// The reservation lapsed; its fence stays good until somebody else takes the send.
    fn free_send(&mut self, seq: i64) -> Result<()>;
    fn settle_send(&mut self, seq: i64, fate: SendFate) -> Result<()>;
    fn forget_send(&mut self, seq: i64) -> Result<()>;

    fn open_slot(&mut self, slot: Slot, inbox_id: &InboxId, send: i64, reserved_at: i64) -> Result<()>;
    fn complete_slot(&mut self, slot: Slot, completed_at: i64) -> Result<()>;
    fn cancel_slot(&mut self, slot: Slot) -> Result<()>;
    fn forget_slots(&mut self, completed_before: i64) -> Result<()>;
    /// What an inbox was told to wait for.
    fn put_pause(&mut self, inbox_id: &InboxId, pause: Pause) -> Result<()>;
    fn put_hold(&mut self, scope: &HoldScope, hold: &KeptHold) -> Result<()>;

    /// The numbers to go on from, so that the number of what was forgotten is never given again.
    fn keep_numbers(&mut self, next_event: i64, next_send: i64) -> Result<()>;
}

/// Where an event stands when its lease ends.
#[derive(Debug)]
pub(crate) struct EventFate {
    pub(crate) state: EventState,
    pub(crate) attempts: u32,
    /// Kept from before where `None`.
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventState {
    Waiting { due: i64 },
    Done { at: i64 },
    Parked { at: i64 },
    Dead { at: i64 },
}

/// A send as it is committed.
#[derive(Debug)]
pub(crate) struct FreshSend {
    pub(crate) event_seq: i64,
    pub(crate) send: NewSend,
    /// When it was stopped, where it was.
    pub(crate) stopped_at: Option<i64>,
}

/// Where a send stands when its reservation ends.
#[derive(Debug)]
pub(crate) enum SendFate {
    Sent { at: i64, message_id: Option<MessageId>, thread_id: Option<ThreadId> },
    Retry { due: i64, first_attempt_at: Option<i64>, error: String },
    Failed { at: i64, error: String },
}

/// What is known of a scope's standing.
#[derive(Debug, Clone)]
pub(crate) struct KeptHold {
    /// As of when.
    pub(crate) since: i64,
    /// Until when it is held: the past where it is not.
    pub(crate) until: i64,
    pub(crate) reason: String,
}

impl KeptHold {
    /// It is this time now: what was said later was so by a clock that has been set back since, and lasts as long from now on.
    /// Tells whether it was.
    pub(super) fn set_time(&mut self, now: i64) -> bool {
        if self.since <= now {
            return false;
        }
        if self.until > now {
            self.until -= self.since - now;
        }
        self.since = now;
        true
    }

    /// Whether this stays as it is when news of a hold comes in: it is newer, or it is of the same moment and lasts longer.
    pub(super) fn outlives(&self, other: &Self) -> bool {
        (self.since, self.until) > (other.since, other.until)
    }
}

use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::limit::{Lesson, Quotas};
use crate::model::{Draft, IdempotencyKey, InboxId, MessageId, PodId, ThreadId};

use super::{NewEvent, WorkerId};

/// The number a store gave a send; sends of a thread leave in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendSeq(pub i64);

/// A send to be owed from now on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewSend {
    /// Its name for ever.
    pub key: IdempotencyKey,
    /// The inbox it leaves from.
    pub inbox_id: InboxId,
    /// That inbox's pod, so that a pod's suspension holds it.
    pub pod_id: Option<PodId>,
    /// The handler it comes from.
    pub handler: String,
    /// The words, frozen. Its thread is the lane it leaves in.
    pub draft: Draft,
    /// Why it is stopped at once, where it is: kept for the operator, never sent.
    pub stopped: Option<String>,
}

impl NewSend {
    /// A send of an inbox that is in no pod.
    pub fn new(
        key: IdempotencyKey,
        inbox_id: impl Into<InboxId>,
        handler: impl Into<String>,
        draft: Draft,
    ) -> Self {
        Self { key, inbox_id: inbox_id.into(), pod_id: None, handler: handler.into(), draft, stopped: None }
    }
}

/// Asks for sends that may go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReserveRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// The only inbox whose sends are wanted; `None` = every inbox's. What another owes waits for who serves that one.
    pub inbox: Option<InboxId>,
    /// How many at most.
    pub limit: usize,
    /// The limits of each inbox.
    pub quotas: Quotas,
    /// The time now.
    pub now: Timestamp,
    /// The news of a send that [expires](Reservations::expired) now, recorded with its failure: whoever would have to record
    /// it afterwards may be gone by then.
    pub news: fn(&NewSend, Timestamp) -> Option<NewEvent>,
}

impl ReserveRequest {
    /// Asks for sends of every inbox within the documented limits; nobody hears of those that expire.
    #[must_use]
    pub fn new(worker: WorkerId, limit: usize, now: Timestamp) -> Self {
        Self { worker, inbox: None, limit, quotas: Quotas::default(), now, news: |_, _| None }
    }
}

/// What [`reserve`](super::Store::reserve) found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Reservations {
    /// Sends that may go now.
    pub sends: Vec<Reservation>,
    /// Sends that failed just now without being attempted, since their [key's life](KEY_LIFE) is over.
    pub expired: Vec<NewSend>,
    /// When the next one may go that waits for a time and for nothing else, or another worker may be given up.
    pub next_due: Option<Timestamp>,
}

impl Reservations {
    /// These sends; nothing expired, and nothing waits for a time.
    #[must_use]
    pub fn new(sends: Vec<Reservation>) -> Self {
        Self { sends, expired: Vec::new(), next_due: None }
    }
}

/// A send with its slot in the ledger: must be settled with what the service answered. When its worker dies, the send is
/// attempted again, under the same key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reservation {
    /// The send.
    pub seq: SendSeq,
    /// Tells this reservation from earlier and later ones of the same send.
    pub fence: i64,
    /// What to send.
    pub send: NewSend,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// When it was first attempted, which starts the key's 24 hours.
    pub first_attempt_at: Timestamp,
}

impl Reservation {
    /// A send with its slot, reserved for its nth try.
    #[must_use]
    pub fn new(seq: SendSeq, fence: i64, send: NewSend, attempt: u32, first_attempt_at: Timestamp) -> Self {
        Self { seq, fence, send, attempt, first_attempt_at }
    }

    /// Whether the service may have forgotten the key by the time that an attempt arrives which leaves now: it must not leave.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        is_spent(self.first_attempt_at, now)
    }
}

/// What became of an attempt.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SendSettlement {
    /// The send.
    pub seq: SendSeq,
    /// The reservation.
    pub fence: i64,
    /// The send's fate.
    pub outcome: SendOutcome,
    /// The time now: the slot stays taken for a minute from here, since the service counted at some time before.
    pub now: Timestamp,
    /// What the answer taught about the limits.
    pub lesson: Option<Lesson>,
    /// What the answer said is suspended.
    pub hold: Option<Hold>,
    /// News to record with it, such as `reply.failed`.
    pub news: Option<NewEvent>,
}

impl SendSettlement {
    /// The end of a reservation that taught nothing else.
    #[must_use]
    pub fn new(seq: SendSeq, fence: i64, outcome: SendOutcome, now: Timestamp) -> Self {
        Self { seq, fence, outcome, now, lesson: None, hold: None, news: None }
    }
}

/// The fate of a send after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The service took it.
    Sent {
        /// The service's name for the mail.
        message_id: Option<MessageId>,
        /// The conversation it landed in.
        thread_id: Option<ThreadId>,
    },
    /// It is tried again with the same key and the same words, not before this time.
    Retry {
        /// When.
        at: Timestamp,
        /// Whether the service may have counted the attempt: a refusal for a limit is not counted, nor what never left;
        /// a lost answer may be.
        counted: bool,
        /// What went wrong, for the operator.
        error: String,
    },
    /// It failed for good.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// Where a send stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendState {
    /// It waits for its turn, a slot or a retry.
    Owed,
    /// The service took it.
    Sent {
        /// The service's name for the mail.
        message_id: Option<MessageId>,
        /// The conversation it landed in.
        thread_id: Option<ThreadId>,
    },
    /// It failed for good.
    Failed {
        /// Why.
        error: String,
    },
    /// It was [stopped](NewSend::stopped) when it was committed.
    Stopped {
        /// Why.
        reason: String,
    },
}

impl SendState {
    /// The state of a send that will never leave, by whether it was stopped.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn ended(why: String, is_stopped: bool) -> Self {
        if is_stopped { Self::Stopped { reason: why } } else { Self::Failed { error: why } }
    }
}

/// A stop on all sends of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// What is held.
    pub scope: HoldScope,
    /// As of when, by the news that said so.
    pub since: Timestamp,
    /// Until when. The next send finds out whether it still stands: that it was lifted may have been said to nobody.
    pub until: Timestamp,
    /// Why, for the operator.
    pub reason: String,
}

impl Hold {
    /// A stop until this moment, or until it is released, by news of `since`.
    pub fn new(scope: HoldScope, since: Timestamp, until: Timestamp, reason: impl Into<String>) -> Self {
        Self { scope, since, until, reason: reason.into() }
    }
}

/// What a hold covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HoldScope {
    /// One inbox.
    Inbox(InboxId),
    /// Every inbox of a pod.
    Pod(PodId),
    /// Everything this key can send.
    Account,
}

/// How long the service remembers an idempotency key, and so the longest a send may be retried.
pub const KEY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long before the end of a key's [life](KEY_LIFE) it is used no more: time for the attempt itself, and for clocks that differ.
pub const KEY_MARGIN: Duration = Duration::from_secs(5 * 60);

/// Whether a key that was first used at a moment must not be used any more.
pub(crate) fn is_spent(first_attempt_at: Timestamp, now: Timestamp) -> bool {
    clock::after(first_attempt_at, KEY_LIFE - KEY_MARGIN) <= now
}

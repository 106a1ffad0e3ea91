use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::model::{EventId, EventKind, InboxId, MessageId};

use super::{NewSend, Note};

/// The number a store gave an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventSeq(pub i64);

/// What must be handled one at a time: a conversation, or what stands alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane(pub Arc<str>);

/// Names one worker process among those that share a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub Arc<str>);

/// An event as it arrived, ready to be kept.
#[derive(Clone)]
#[non_exhaustive]
pub struct NewEvent {
    /// The service's id of the event, or one made from its content where it had none.
    pub event_id: EventId,
    /// The mail it is about: the same mail is kept once, under whichever event id it comes.
    pub message_id: Option<MessageId>,
    /// The inbox it is about.
    pub inbox_id: Option<InboxId>,
    /// What it must wait for its turn in.
    pub lane: Lane,
    /// What happened.
    pub kind: EventKind,
    /// When it happened: the order within the lane.
    pub occurred_at: Timestamp,
    /// When it arrived here.
    pub received_at: Timestamp,
    /// The event, byte for byte as it came: JSON, unless [`parked`](Self::parked) says why it cannot be read. Then it may be anything, and
    /// its first megabyte only.
    pub body: Bytes,
    /// Why it is set aside at once, where it is: it cannot be decoded, say.
    pub parked: Option<String>,
}

impl NewEvent {
    /// An event that is about nothing in particular yet, and happened when it arrived.
    pub fn new(
        event_id: impl Into<EventId>,
        kind: EventKind,
        lane: Lane,
        body: impl Into<Bytes>,
        received_at: Timestamp,
    ) -> Self {
        Self {
            event_id: event_id.into(),
            message_id: None,
            inbox_id: None,
            lane,
            kind,
            occurred_at: received_at,
            received_at,
            body: body.into(),
            parked: None,
        }
    }
}

/// Bodies stay out of `Debug`.
impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("event_id", &self.event_id)
            .field("message_id", &self.message_id)
            .field("inbox_id", &self.inbox_id)
            .field("lane", &self.lane)
            .field("kind", &self.kind)
            .field("occurred_at", &self.occurred_at)
            .field("received_at", &self.received_at)
            .field("body", &self.body.len())
            .field("parked", &self.parked)
            .finish_non_exhaustive()
    }
}

/// What [`record`](super::Store::record) found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recorded {
    /// It was news, and is kept under this number.
    New(EventSeq),
    /// It was known already.
    Known,
}

/// A place in a stream, by name: the last event id of the socket, the newest row of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bookmark {
    /// Which stream.
    pub name: String,
    /// How far it was read.
    pub value: String,
}

impl Bookmark {
    /// A bookmark at this value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Asks for events to handle.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// The only inbox whose events are wanted, beside those that are about none; `None` = every inbox's. What is about another
    /// waits for who serves that.
    pub inbox: Option<InboxId>,
    /// How many at most.
    pub limit: usize,
    /// How many of one inbox may be leased at once.
    pub per_inbox: usize,
    /// The time now.
    pub now: Timestamp,
}

impl LeaseRequest {
    /// Asks for events of every inbox, however many of them are of one.
    #[must_use]
    pub fn new(worker: WorkerId, limit: usize, now: Timestamp) -> Self {
        Self { worker, inbox: None, limit, per_inbox: usize::MAX, now }
    }
}

/// What [`lease`](super::Store::lease) found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Leases {
    /// Events to handle now.
    pub events: Vec<Leased>,
    /// When the next one that is wanted falls due, of those that wait for a time and for nothing else, or another worker
    /// may be given up.
    pub next_due: Option<Timestamp>,
}

impl Leases {
    /// These events, and nothing that waits for a time.
    #[must_use]
    pub fn new(events: Vec<Leased>) -> Self {
        Self { events, next_due: None }
    }
}

/// An event in the hands of a worker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Leased {
    /// The right to settle it.
    pub lease: Lease,
    /// The event as it was recorded.
    pub event: Arc<NewEvent>,
    /// Which try this is, from 1. A crash counts, a [deferral](EventOutcome::Defer) does not. A store need not count a first
    /// crash that follows the lease within seconds, since a lease is not worth waiting for the disk.
    pub attempt: u32,
}

impl Leased {
    /// An event, leased for its nth try.
    #[must_use]
    pub fn new(lease: Lease, event: impl Into<Arc<NewEvent>>, attempt: u32) -> Self {
        Self { lease, event: event.into(), attempt }
    }
}

/// The right to settle an event, for as long as its worker is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The event.
    pub seq: EventSeq,
    /// Tells this lease from earlier and later ones on the same event.
    pub fence: i64,
}

impl Lease {
    /// The lease on this event with this fence.
    #[must_use]
    pub fn new(seq: EventSeq, fence: i64) -> Self {
        Self { seq, fence }
    }
}

/// The end of a lease.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settlement {
    /// The lease that ends.
    pub lease: Lease,
    /// What becomes of the event.
    pub outcome: EventOutcome,
    /// The time now.
    pub now: Timestamp,
    /// What is owed from now on.
    pub sends: Vec<NewSend>,
    /// What is remembered from now on.
    pub notes: Vec<Note>,
}

impl Settlement {
    /// The end of a lease after which nothing is owed and nothing new remembered.
    #[must_use]
    pub fn new(lease: Lease, outcome: EventOutcome, now: Timestamp) -> Self {
        Self { lease, outcome, now, sends: Vec::new(), notes: Vec::new() }
    }
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// It was handled.
    Done,
    /// It is tried again, not before this time; its lane waits for it.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong, for the operator.
        error: String,
    },
    /// It was not tried at all, and is taken up again at this time: no attempt is counted.
    Defer {
        /// When.
        at: Timestamp,
    },
    /// It failed for good: kept for the operator, and its lane goes on.
    Dead {
        /// What went wrong.
        error: String,
    },
    /// It is set aside without a failure: kept for the operator, and its lane goes on.
    Parked {
        /// Why.
        reason: String,
    },
}

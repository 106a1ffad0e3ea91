use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::backoff::Backoff;
use crate::clock;
use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};

use super::{
    Bookmark, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope, Recorded,
    Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, WorkerId,
};

/// How long a worker counts as alive after its [heartbeat](Store::heartbeat).
///
/// With a heartbeat every two seconds, three may go missing where clocks agree, and none where the worker's is [as far behind as it
/// may be](crate::limit::CLOCKS_APART). What a dead worker had is taken over within ten seconds, or five more where its clock was that
/// far ahead.
pub const WORKER_LIFE: Duration = Duration::from_secs(8);

/// How long a worker's heartbeat must have lapsed when another first comes, for that one to [give it up](Store::heartbeat) at
/// once: longer than a database is mostly away.
pub const LONG_SILENCE: Duration = Duration::from_secs(5 * 60);

/// The pauses between the tries of a store that fails.
pub(crate) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// A place that keeps events, owed sends and the ledger of what was sent.
///
/// Every verb is one transaction. Time is an argument, so that a store has no clock of its own.
///
/// # Errors
///
/// Every verb fails with [`Unavailable`](super::StoreErrorKind::Unavailable) when the place behind it cannot be written or
/// reached. Then it has done nothing; or, where only the answer to its commit was lost, all of it. The runtime calls again: a
/// [`settle`](Self::settle) that was done already answers [`LeaseLost`](super::StoreErrorKind::LeaseLost), as does any verb whose
/// [`Lease`] is no longer held.
///
/// From [`settle`](Self::settle) and [`settle_send`](Self::settle_send), [`Corrupt`](super::StoreErrorKind::Corrupt) means that this outcome
/// cannot be kept; the runtime then asks for a plainer one, which is tried again later. From [`lease`](Self::lease), any other kind than
/// `Unavailable` ends the runtime.
///
/// # Cancel safety
///
/// A dropped future leaves the verb either wholly done or not done at all.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps events that arrived, and moves a bookmark with them in the same transaction.
    ///
    /// An event is known already when its event id *or* its message id is; it is then left as it was. Answers one
    /// verdict for each event, in order.
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>>;

    /// The value a bookmark was last moved to.
    async fn bookmark(&self, name: &str) -> Result<Option<String>>;

    /// Says that a worker is alive: what it has leased and reserved stays its own for [`WORKER_LIFE`] from now, however
    /// long ago it was taken. What a worker has whose heartbeat lapsed is due again, for others, once one of them gives it up.
    ///
    /// Who was silent itself cannot tell the dead from those that could not be heard either, such as while the database was
    /// away. So a worker that asks gives up another only
    ///
    /// - when it has itself been heard for [`WORKER_LIFE`] without a break: never for half of that was nothing heard of it. One
    ///   that is new goes by those of which something was heard for less than that: as long as there were such, a store has been
    ///   there; and where there are none, its own time begins now;
    /// - or when the other had already been silent for [`LONG_SILENCE`] when the one that asks first came.
    ///
    /// So whoever has died is given up by the living as soon as its heartbeat lapses; after a common silence, and by one that
    /// comes when all have died, a life later. A store that belongs to one process gives up at once what an earlier one had.
    ///
    /// Tells whether the heartbeat before still stood. A worker that comes back too late keeps what nobody took
    /// over meanwhile.
    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool>;

    /// Says that a worker is going: its heartbeat lapses now, and what it still has is due again at once, for all others.
    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()>;

    /// Takes the next due events: one at a time per lane, oldest first within a lane, fairly between inboxes, no more than
    /// [`LeaseRequest::per_inbox`] of one inbox at once over all workers. Where one [inbox](LeaseRequest::inbox) is asked for,
    /// nothing of another's is taken.
    ///
    /// A lease stands until it is settled, as long as its worker's [heartbeat](Self::heartbeat) does. Asking counts as a
    /// heartbeat where half of the last one's time is over, so that nobody is given again what it has, unless others gave it up.
    async fn lease(&self, request: LeaseRequest) -> Result<Leases>;

    /// Whether an older event waits in the same lane, which was recorded after this one was leased.
    async fn is_overtaken(&self, lease: &Lease) -> Result<bool>;

    /// Ends a lease: the event's fate, the sends it owes, what its thread remembers, all or nothing. A lease that
    /// lapsed is as good as any until somebody else takes the event.
    ///
    /// A send whose key is known already is left as it was committed the first time.
    async fn settle(&self, settlement: Settlement) -> Result<()>;

    /// Commits sends while the handler still runs. A key that is known already keeps its first body.
    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()>;

    /// Keeps a value while the handler still runs.
    async fn remember(&self, lease: &Lease, note: Note) -> Result<()>;

    /// Reads a value back.
    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>>;

    /// Takes the next owed sends that may go now, each with a slot in the ledger: oldest first within a thread, none
    /// past an unsent one of the same thread, fairly between inboxes, nothing of what is held. Where one
    /// [inbox](ReserveRequest::inbox) is asked for, nothing of another's is taken. As with a
    /// [lease](Self::lease), a reservation stands as long as its worker's heartbeat does, and asking counts as one.
    ///
    /// Of a send that is attempted again, each slot counts for its minute, and all together once for the day.
    ///
    /// A send fails instead from [`KEY_MARGIN`](super::KEY_MARGIN) before the end of its key's [life](super::KEY_LIFE) on, with
    /// [its news](ReserveRequest::news) in the same transaction, and is told as [expired](Reservations::expired). The life runs from the first attempt that the service may have counted.
    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations>;

    /// Records what became of an attempt: the send's fate, its slot, what the answer taught, all or nothing.
    async fn settle_send(&self, settlement: SendSettlement) -> Result<()>;

    /// What became of a send.
    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>>;

    /// What is left of an inbox's limits.
    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance>;

    /// Holds all sends of an inbox, a pod or the account. A hold older than what is known of the same scope changes
    /// nothing, since news comes in any order; nor does a shorter one of the same moment.
    async fn hold(&self, hold: Hold) -> Result<()>;

    /// Lets the sends of a scope go again, unless a hold newer than `as_of` stands.
    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()>;

    /// Forgets what was finished before `before`, at most `limit` events and as many sends, and tells how many of both went:
    /// none = there is no more.
    /// What is parked or dead stays twice as long, measured from `now`, and so does what failed to be sent. The key of a send
    /// is not forgotten before its event is finished, nor while that is parked or dead: an operator may have it handled again.
    ///
    /// A mail that comes again after it was forgotten is news. The service does not send one again so late; who reads old
    /// mail over REST needs a watermark of their own.
    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize>;

    /// Counts what is kept.
    async fn census(&self) -> Result<Census>;

    /// Takes a role that one worker at a time has, or keeps it, until a moment at which another may take it; tells whether
    /// the worker has it. A moment that is not after `now` gives the role up.
    ///
    /// A store that belongs to one process says yes to all.
    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool>;

    /// How often to look for what other processes have put into the store; `None` where there are no others.
    fn poll_every(&self) -> Option<Duration>;
}

/// How long nobody asks at most. Whoever brings something tells of it; but a caller may go away while it is committed, and be
/// heard too early.
const SILENCE: Duration = Duration::from_secs(30);

/// When to ask a store again that told when something falls due: no later than others may have brought something.
pub(crate) fn look_again(store: &dyn Store, next_due: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let at_the_latest = clock::after(now, store.poll_every().unwrap_or(SILENCE));
    next_due.map_or(at_the_latest, |due| due.min(at_the_latest))
}

/// How many events and sends are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Events that wait for a handler, those waiting to be tried again among them.
    pub waiting: u64,
    /// Events that a handler has now.
    pub leased: u64,
    /// Events handled.
    pub done: u64,
    /// Events set aside without a handler having failed: undecodable, harmful, or nobody's.
    pub parked: u64,
    /// Events whose handler failed for good.
    pub dead: u64,
    /// Sends owed and not yet sent.
    pub owed: u64,
    /// Sends the service accepted.
    pub sent: u64,
    /// Sends that failed for good or were stopped.
    pub failed: u64,
}

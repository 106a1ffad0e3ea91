use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};
use crate::store::book::Book;
use crate::store::{
    Bookmark, Census, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope,
    Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, Store, WorkerId,
};

use super::shelf::MemoryShelf;

/// A store that keeps everything in memory, and so keeps nothing when the process ends: for tests.
///
/// A lease that lapsed can still be settled until somebody else takes the event.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    book: Book,
    shelf: MemoryShelf,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        let Inner { book, shelf } = &mut *self.lock();
        book.record(shelf, events, bookmark)
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        let Inner { book, shelf } = &mut *self.lock();
        book.bookmark(shelf, name)
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        Ok(self.lock().book.heartbeat(worker, now))
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.retire(shelf, worker, now)
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        let Inner { book, shelf } = &mut *self.lock();
        book.lease(shelf, &request)
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.lock().book.is_overtaken(lease)
    }

    async fn settle(&self, settlement: Settlement) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.settle(shelf, settlement)
    }

    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.owe(shelf, lease, sends)
    }

    async fn remember(&self, lease: &Lease, note: Note) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.remember(shelf, lease, note)
    }

    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>> {
        let Inner { book, shelf } = &mut *self.lock();
        book.recall(shelf, scope)
    }

    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations> {
        let Inner { book, shelf } = &mut *self.lock();
        book.reserve(shelf, &request)
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.settle_send(shelf, settlement)
    }

    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>> {
        let Inner { book, shelf } = &mut *self.lock();
        book.send_state(shelf, key)
    }

    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance> {
        Ok(self.lock().book.allowance(inbox, quotas, now))
    }

    async fn hold(&self, hold: Hold) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.hold(shelf, hold)
    }

    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()> {
        let Inner { book, shelf } = &mut *self.lock();
        book.release(shelf, scope, as_of)
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize> {
        let Inner { book, shelf } = &mut *self.lock();
        book.prune(shelf, before, now, limit)
    }

    async fn census(&self) -> Result<Census> {
        Ok(self.lock().book.census())
    }

    async fn claim(&self, _role: &str, _worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        Ok(until > now)
    }

    fn poll_every(&self) -> Option<Duration> {
        None
    }
}

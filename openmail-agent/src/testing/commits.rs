use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};
use crate::store::memory::MemoryStore;
use crate::store::{
    Bookmark, Census, EventOutcome, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note,
    NoteScope, Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, Store,
    WorkerId,
};

use super::Sent;

/// The store in memory, and what was committed to it since it was last asked.
#[derive(Default)]
pub(super) struct Commits {
    store: MemoryStore,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    outcome: Option<EventOutcome>,
    sent: Vec<Sent>,
    keys: Vec<IdempotencyKey>,
    notes: HashMap<NoteScope, Bytes>,
}

impl Commits {
    /// What is remembered from the start.
    pub(super) fn give(&self, note: Note) {
        self.seen().notes.insert(note.scope, note.value);
    }

    pub(super) fn remembered(&self, scope: &NoteScope) -> Option<Bytes> {
        self.seen().notes.get(scope).cloned()
    }

    /// What became of the event, and what is owed since the last time.
    pub(super) fn take(&self) -> (Option<EventOutcome>, Vec<Sent>) {
        let mut seen = self.seen();
        (seen.outcome.take(), std::mem::take(&mut seen.sent))
    }

    /// A key that is known keeps its first words, so only the first commit counts.
    fn note_sends(&self, sends: &[NewSend], at_once: bool) {
        let Seen { sent, keys, .. } = &mut *self.seen();
        for send in sends {
            if !keys.contains(&send.key) {
                keys.push(send.key.clone());
                sent.push(Sent::new(send.clone(), at_once));
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Commits {
    async fn settle(&self, settlement: Settlement) -> Result<()> {
        self.store.settle(settlement.clone()).await?;
        self.note_sends(&settlement.sends, false);
        let mut seen = self.seen();
        seen.notes.extend(settlement.notes.into_iter().map(|note| (note.scope, note.value)));
        seen.outcome = Some(settlement.outcome);
        Ok(())
    }

    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        self.store.owe(lease, sends.clone()).await?;
        self.note_sends(&sends, true);
        Ok(())
    }

    async fn remember(&self, lease: &Lease, note: Note) -> Result<()> {
        self.store.remember(lease, note.clone()).await?;
        self.give(note);
        Ok(())
    }

    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>> {
        Ok(self.store.recall(scope).await?.or_else(|| self.remembered(scope)))
    }

    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        self.store.record(events, bookmark).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        self.store.bookmark(name).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        self.store.lease(request).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        self.store.heartbeat(worker, now).await
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        self.store.retire(worker, now).await
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.store.is_overtaken(lease).await
    }

    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations> {
        self.store.reserve(request).await
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
        self.store.settle_send(settlement).await
    }

    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>> {
        self.store.send_state(key).await
    }

    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance> {
        self.store.allowance(inbox, quotas, now).await
    }

    async fn hold(&self, hold: Hold) -> Result<()> {
        self.store.hold(hold).await
    }

    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()> {
        self.store.release(scope, as_of).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize> {
        self.store.prune(before, now, limit).await
    }

    async fn census(&self) -> Result<Census> {
        self.store.census().await
    }

    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.store.claim(role, worker, now, until).await
    }

    fn poll_every(&self) -> Option<Duration> {
        None
    }
}

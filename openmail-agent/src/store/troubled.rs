//! A store for tests, which has the trouble that is ordered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};

use super::memory::MemoryStore;
use super::{
    Bookmark, Census, EventOutcome, Hold, HoldScope, Lease, LeaseRequest, Leased, Leases, NewEvent, NewSend,
    Note, NoteScope, Recorded, Reservations, ReserveRequest, Result, SendOutcome, SendSettlement, SendState,
    Settlement, Store, StoreErrorKind, WorkerId,
};

/// A [`MemoryStore`] in trouble.
#[derive(Default)]
pub(crate) struct TroubledStore {
    inner: MemoryStore,
    failing: AtomicBool,
    refusing_ends: AtomicBool,
    refusing: AtomicUsize,
    shared: AtomicBool,
    /// Between the value of a bookmark and its answer.
    pub(crate) reading: Gate,
    /// Between what was recorded and its answer.
    pub(crate) recording: Gate,
    /// Between what was found to send and its answer.
    pub(crate) reserving: Gate,
    /// Before what became of a send is recorded.
    pub(crate) settling_sends: Gate,
}

/// A place in a verb where it waits for as long as the gate is shut; who has come since it was shut is counted.
#[derive(Default)]
pub(crate) struct Gate(watch::Sender<Option<usize>>);

impl Gate {
    pub(crate) fn shut(&self) {
        self.0.send_replace(Some(0));
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(None);
    }

    /// Waits until this many stand before it.
    pub(crate) async fn came(&self, count: usize) {
        let mut came = self.0.subscribe();
        came.wait_for(|came| came.is_none_or(|came| came >= count)).await.unwrap();
    }

    async fn pass(&self) {
        self.0.send_if_modified(|came| came.as_mut().map(|came| *came += 1).is_some());
        self.0.subscribe().wait_for(Option::is_none).await.unwrap();
    }
}

impl TroubledStore {
    /// Takes no events for as long as it is told not to.
    pub(crate) fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// Cannot write, now or ever, that an event or a send has come to its end; only that it is to be tried again.
    pub(crate) fn refuse_ends(&self, refusing: bool) {
        self.refusing_ends.store(refusing, Ordering::SeqCst);
    }

    /// Other processes use it too.
    pub(crate) fn share(&self) {
        self.shared.store(true, Ordering::SeqCst);
    }

    /// Refuses what the next so many ends are, however they are put.
    pub(crate) fn refuse_next(&self, ends: usize) {
        self.refusing.store(ends, Ordering::SeqCst);
    }

    fn take(&self, is_end: bool) -> Result<()> {
        let one_less = |left: usize| left.checked_sub(1);
        if self.refusing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(StoreErrorKind::Corrupt.into());
        }
        if is_end && self.refusing_ends.load(Ordering::SeqCst) {
            return Err(StoreErrorKind::Corrupt.into());
        }
        Ok(())
    }

    /// Waits until this many events wait for a handler, and takes them.
    pub(crate) async fn events(&self, count: usize, wake: &Notify) -> Vec<Arc<NewEvent>> {
        loop {
            let census = self.inner.census().await.unwrap();
            if census.waiting >= count as u64 {
                return self.lease_all().await;
            }
            wake.notified().await;
        }
    }

    /// Takes whatever waits for a handler, in the order of its lanes.
    pub(crate) async fn lease_all(&self) -> Vec<Arc<NewEvent>> {
        let now = Timestamp::now();
        let worker = WorkerId("tests".into());
        let request = LeaseRequest::new(worker, 10_000, now);
        let leases = self.inner.lease(request).await.unwrap();
        leases.events.into_iter().map(|Leased { event, .. }| event).collect()
    }
}

#[async_trait]
impl Store for TroubledStore {
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreErrorKind::Unavailable.into());
        }
        let recorded = self.inner.record(events, bookmark).await;
        self.recording.pass().await;
        recorded
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        let value = self.inner.bookmark(name).await;
        self.reading.pass().await;
        value
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        self.inner.lease(request).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        self.inner.heartbeat(worker, now).await
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        self.inner.retire(worker, now).await
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.inner.is_overtaken(lease).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<()> {
        self.take(!matches!(settlement.outcome, EventOutcome::Retry { .. }))?;
        self.inner.settle(settlement).await
    }

    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        self.inner.owe(lease, sends).await
    }

    async fn remember(&self, lease: &Lease, note: Note) -> Result<()> {
        self.inner.remember(lease, note).await
    }

    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>> {
        self.inner.recall(scope).await
    }

    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations> {
        let found = self.inner.reserve(request).await;
        self.reserving.pass().await;
        found
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
        self.settling_sends.pass().await;
        self.take(!matches!(settlement.outcome, SendOutcome::Retry { .. }))?;
        self.inner.settle_send(settlement).await
    }

    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>> {
        self.inner.send_state(key).await
    }

    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance> {
        self.inner.allowance(inbox, quotas, now).await
    }

    async fn hold(&self, hold: Hold) -> Result<()> {
        self.inner.hold(hold).await
    }

    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()> {
        self.inner.release(scope, as_of).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize> {
        self.inner.prune(before, now, limit).await
    }

    async fn census(&self) -> Result<Census> {
        self.inner.census().await
    }

    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.inner.claim(role, worker, now, until).await
    }

    fn poll_every(&self) -> Option<Duration> {
        self.shared.load(Ordering::SeqCst).then_some(Duration::from_millis(500))
    }
}

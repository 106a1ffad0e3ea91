//! A store of one's own, under a runtime: what it must not do, and what becomes of the runtime when it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openmail_agent::async_trait::async_trait;
use openmail_agent::bytes::Bytes;
use openmail_agent::handler::{Cancelled, Mail};
use openmail_agent::jiff::Timestamp;
use openmail_agent::limit::{Allowance, Quotas};
use openmail_agent::model::{IdempotencyKey, InboxId};
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, RuntimeError, RuntimeErrorKind};
use openmail_agent::store::memory::MemoryStore;
use openmail_agent::store::{
    Bookmark, Census, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope,
    Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, Store,
    StoreErrorKind, WorkerId,
};

use crate::bench::{Bench, Gate, Seen, soon};

/// A store in memory with a fault.
#[derive(Default)]
struct OwnStore {
    inner: MemoryStore,
    /// Whether it hands nothing out any more, and never will.
    is_lost: AtomicBool,
    /// Whether it panics when it is told that a worker lives.
    panics_at_heartbeat: AtomicBool,
    /// Whether it panics when it is to forget something.
    panics_at_pruning: AtomicBool,
}

#[async_trait]
impl Store for OwnStore {
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        self.inner.record(events, bookmark).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        self.inner.bookmark(name).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        assert!(!self.panics_at_heartbeat.load(Ordering::SeqCst), "the heartbeat has a fault");
        self.inner.heartbeat(worker, now).await
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        self.inner.retire(worker, now).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        if self.is_lost.load(Ordering::SeqCst) {
            return Err(StoreErrorKind::Closed.into());
        }
        self.inner.lease(request).await
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.inner.is_overtaken(lease).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<()> {
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
        self.inner.reserve(request).await
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
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
        assert!(!self.panics_at_pruning.load(Ordering::SeqCst), "the pruning has a fault");
        self.inner.prune(before, now, limit).await
    }

    async fn census(&self) -> Result<Census> {
        self.inner.census().await
    }

    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.inner.claim(role, worker, now, until).await
    }

    fn poll_every(&self) -> Option<Duration> {
        self.inner.poll_every()
    }
}

async fn why_it_ended(running: &RunningRuntime) -> RuntimeErrorKind {
    let error: RuntimeError = soon(running.ended()).await.unwrap_err();
    error.kind().clone()
}

#[tokio::test]
async fn a_store_that_is_lost_for_good_begins_nothing_more_and_ends_the_runtime() {
    let (bench, store) = (Bench::start().await, Arc::new(OwnStore::default()));
    let (seen, gate) = (Seen::default(), Gate::closed());
    let handler = {
        let (seen, gate) = (seen.clone(), gate.clone());
        move |mail: Mail, cancelled: Cancelled| {
            let (seen, gate) = (seen.clone(), gate.clone());
            async move {
                seen.mail(&mail);
                cancelled.cancelled().await;
                seen.see("told to stop");
                gate.pass().await;
            }
        }
    };
    let runtime = bench.runtime().store(store.clone()).handlers([Route::new("agent", handler)]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("in hand");
    seen.count(1).await;
    store.is_lost.store(true, Ordering::SeqCst);
    bench.deliver("too late");
    seen.words("told to stop").await;
    assert!(!running.readiness().is_ready(), "what comes now is not handled");
    gate.open();
    assert_eq!(why_it_ended(&running).await, RuntimeErrorKind::Store);
    assert_eq!(seen.all(), ["in hand", "told to stop"]);
    let census = store.census().await.unwrap();
    assert_eq!(
        (census.done, census.waiting),
        (1, 1),
        "what was in hand came to its end, and nothing is lost"
    );
}

#[tokio::test]
async fn a_process_that_no_longer_says_that_it_lives_ends() {
    let (bench, store) = (Bench::start().await, Arc::new(OwnStore::default()));
    store.panics_at_heartbeat.store(true, Ordering::SeqCst);
    let runtime = bench.runtime().store(store).handlers([Route::new("agent", async |_: Mail| {})]);
    let running = runtime.start().await.unwrap();
    assert_eq!(why_it_ended(&running).await, RuntimeErrorKind::Internal("heartbeat"));
}

#[tokio::test]
async fn a_process_that_no_longer_forgets_anything_ends() {
    let (bench, store) = (Bench::start().await, Arc::new(OwnStore::default()));
    store.panics_at_pruning.store(true, Ordering::SeqCst);
    let runtime = bench.runtime().store(store).handlers([Route::new("agent", async |_: Mail| {})]);
    let running = runtime.start().await.unwrap();
    assert_eq!(why_it_ended(&running).await, RuntimeErrorKind::Internal("housekeeping"));
}

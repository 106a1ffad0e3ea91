use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;

use super::*;
use crate::api::ClientBuilder;
use crate::limit::Allowance;
use crate::model::{InboxId, Secret};
use crate::store::conformance::fixture::reply;
use crate::store::memory::MemoryStore;
use crate::store::{
    Bookmark, Census, ErrorKind, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, Note, Recorded,
    Result, Scope, SendState, Settlement,
};

fn client(set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder(Secret::new("om_test")).base_url("http://127.0.0.1:9").unwrap();
    set(builder).build().unwrap()
}

#[test]
fn a_reservation_outlasts_every_attempt() {
    assert_eq!(reservation(&client(|builder| builder)), Duration::from_secs(600));
    let patient = client(|builder| builder.timeout(Duration::from_secs(3_600)));
    assert!(reservation(&patient) >= Duration::from_secs(3_600 + 100 + 300));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_expired_is_told_even_if_the_store_is_busy() {
    let store = Arc::new(BusyStore { inner: MemoryStore::new(), busy: AtomicU32::new(3) });
    let sender = Sender {
        store: store.clone(),
        client: client(|builder| builder),
        outbox: Outbox::new(store.clone()),
        clock: Clock::system(),
        quotas: Quotas::default(),
        worker: WorkerId("w".into()),
        news: Arc::default(),
    };
    sender.tell_expired(vec![reply("key", "inb_1", "thr_1")]).await;
    assert_eq!(store.census().await.unwrap().waiting, 1);
    assert_eq!(sender.news.notified().now_or_never(), Some(()), "whoever handles it is woken");
}

/// Takes no events for so many times.
struct BusyStore {
    inner: MemoryStore,
    busy: AtomicU32,
}

#[async_trait]
impl Store for BusyStore {
    async fn record(&self, events: Vec<NewEvent>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        match self.busy.load(Ordering::SeqCst) {
            0 => self.inner.record(events, bookmark).await,
            left => {
                self.busy.store(left - 1, Ordering::SeqCst);
                Err(ErrorKind::Unavailable.into())
            }
        }
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        self.inner.bookmark(name).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        self.inner.lease(request).await
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<()> {
        self.inner.extend(lease, until).await
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

    async fn recall(&self, scope: &Scope) -> Result<Option<Bytes>> {
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
        self.inner.prune(before, now, limit).await
    }

    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.inner.claim(role, worker, now, until).await
    }

    fn poll_every(&self) -> Option<Duration> {
        self.inner.poll_every()
    }

    async fn census(&self) -> Result<Census> {
        self.inner.census().await
    }
}

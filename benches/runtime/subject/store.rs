use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use openmail_agent::model::EventKind;
use openmail_agent::store::memory::MemoryStore;
use openmail_agent::store::sqlite::SqliteStore;
use openmail_agent::store::{Lane, LeaseRequest, NewEvent, Outcome, Settlement, Store, WorkerId};

use crate::sample;

/// How many events are put into the file at once.
const BATCH: usize = 2_000;

/// The store at this path; `memory` is none.
pub(super) async fn open(path: &str) -> Arc<dyn Store> {
    if path == "memory" {
        return Arc::new(MemoryStore::new());
    }
    Arc::new(SqliteStore::open(path).await.expect("the store opens"))
}

/// Fills a file with events that were handled just now.
pub(super) async fn fill(path: &str, count: usize) {
    let store = SqliteStore::open(path).await.expect("the store opens");
    for first in (0..count).step_by(BATCH) {
        let numbers = first..count.min(first + BATCH);
        let events = numbers.map(|number| event(number, count, Timestamp::now())).collect();
        store.record(events, None).await.expect("they are recorded");
        let now = Timestamp::now();
        let worker = WorkerId("bench".into());
        let request = LeaseRequest { worker, limit: BATCH, per_inbox: BATCH, now };
        let leases = store.lease(request).await.expect("they are leased");
        let done = leases.events.into_iter().map(|leased| {
            let (lease, outcome) = (leased.lease, Outcome::Done);
            store.settle(Settlement { lease, outcome, now, sends: Vec::new(), notes: Vec::new() })
        });
        try_join_all(done).await.expect("they are settled");
    }
    store.close().await;
    println!("done");
}

/// Event `number` of `count`, which arrived at this time.
pub(super) fn event(number: usize, count: usize, at: Timestamp) -> NewEvent {
    let name = |prefix: &str| format!("{prefix}_{}", &sample::thread_id(number)[4..]);
    NewEvent {
        event_id: name("evt").into(),
        message_id: Some(name("msg").into()),
        inbox_id: Some(sample::inbox_id(number % sample::INBOXES).into()),
        lane: Lane(name("thr").into()),
        kind: EventKind::MESSAGE_RECEIVED,
        occurred_at: at,
        received_at: at,
        body: Bytes::from(sample::event(number, count)),
        event: None,
        parked: None,
    }
}

use std::sync::Arc;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use openmail_agent::model::EventKind;
use openmail_agent::store::memory::MemoryStore;
use openmail_agent::store::sqlite::SqliteStore;
use openmail_agent::store::{
    EventOutcome, Lane, LeaseRequest, Leased, NewEvent, Settlement, Store, WorkerId,
};

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
        let leases = store.lease(LeaseRequest::new(worker, BATCH, now)).await.expect("they are leased");
        let settled = |leased: Leased| store.settle(Settlement::new(leased.lease, EventOutcome::Done, now));
        let done = leases.events.into_iter().map(settled);
        try_join_all(done).await.expect("they are settled");
    }
    store.close().await;
    println!("done");
}

/// Event `number` of `count`, which arrived at this time.
pub(super) fn event(number: usize, count: usize, at: Timestamp) -> Arc<NewEvent> {
    let name = |prefix: &str| format!("{prefix}_{}", &sample::thread_id(number)[4..]);
    let (lane, body) = (Lane(name("thr").into()), sample::event(number, count));
    let mut event = NewEvent::new(name("evt"), EventKind::MESSAGE_RECEIVED, lane, body, at);
    event.message_id = Some(name("msg").into());
    event.inbox_id = Some(sample::inbox_id(number % sample::INBOXES).into());
    Arc::new(event)
}

//! The promises where several processes share a Postgres database.

pub(crate) mod cluster;
mod contract;
mod doubt;
mod handover;
mod lost_commits;
mod order;
mod pooler;
mod proxy;
mod pruning;
mod races;
mod restarts;
mod schema;
mod silence;
mod together;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use openmail_agent::model::{Body, Draft, EventKind, IdempotencyKey, Recipients, ThreadId};
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{
    EventOutcome, Lane, LeaseRequest, NewEvent, NewSend, ReserveRequest, Settlement, Store, WorkerId,
};

/// So many seconds after a moment that is far from midnight UTC.
fn at(seconds: i64) -> Timestamp {
    "2026-02-24T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// As many processes as are asked for, as far as the database can tell: each has connections of its own.
async fn processes(url: &str, count: usize) -> Vec<Arc<PostgresStore>> {
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(Arc::new(PostgresStore::open(url).await.unwrap()));
    }
    stores
}

fn mail(id: &str, inbox: &str, lane: &str, occurred_at: i64) -> Arc<NewEvent> {
    let (event_id, lane) = (format!("evt_{id}"), Lane(lane.into()));
    let body = format!(r#"{{"event_id":"{event_id}"}}"#);
    let mut event = NewEvent::new(event_id, EventKind::MESSAGE_RECEIVED, lane, body, at(occurred_at));
    event.message_id = Some(format!("msg_{id}").into());
    event.inbox_id = Some(inbox.into());
    Arc::new(event)
}

fn lease_request(worker: &str, now: i64, limit: usize) -> LeaseRequest {
    LeaseRequest::new(WorkerId(worker.into()), limit, at(now))
}

fn reserve_request(worker: &str, now: i64, limit: usize) -> ReserveRequest {
    ReserveRequest::new(WorkerId(worker.into()), limit, at(now))
}

fn reply(key: &str, inbox: &str, thread: &str) -> NewSend {
    let mut draft = Draft::new(Recipients::one("ada@example.com".parse().unwrap()), Body::Text(key.into()));
    draft.thread_id = Some(ThreadId::from(thread));
    NewSend::new(IdempotencyKey::new(key), inbox, "support", draft)
}

/// Owes sends, as a mail that was handled.
async fn owe(store: &dyn Store, sends: Vec<NewSend>) {
    store.record(vec![mail("owing", "owing", "owing", 0)], None).await.unwrap();
    let leased = store.lease(lease_request("w", 0, 1)).await.unwrap().events.remove(0);
    let mut settlement = Settlement::new(leased.lease, EventOutcome::Done, at(0));
    settlement.sends = sends;
    store.settle(settlement).await.unwrap();
}

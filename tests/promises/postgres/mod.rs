//! The promises where several processes share a Postgres database.

pub(crate) mod cluster;
mod contract;
mod doubt;
mod pruning;
mod races;
mod restarts;
mod together;

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use openmail_agent::limit::Quotas;
use openmail_agent::model::{Body, Draft, EventKind, IdempotencyKey, Recipients, ThreadId};
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{
    Lane, LeaseRequest, NewEvent, NewSend, Outcome, ReserveRequest, Settlement, Store, WorkerId,
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

fn mail(id: &str, inbox: &str, lane: &str, occurred_at: i64) -> NewEvent {
    NewEvent {
        event_id: format!("evt_{id}").into(),
        message_id: Some(format!("msg_{id}").into()),
        inbox_id: Some(inbox.into()),
        lane: Lane(lane.into()),
        kind: EventKind::MESSAGE_RECEIVED,
        occurred_at: at(occurred_at),
        received_at: at(occurred_at),
        body: Bytes::from(format!(r#"{{"event_id":"evt_{id}"}}"#)),
        event: None,
        parked: None,
    }
}

fn lease_request(worker: &str, now: i64, limit: usize) -> LeaseRequest {
    let worker = WorkerId(worker.into());
    LeaseRequest { worker, limit, per_inbox: 1_000, now: at(now) }
}

fn reserve_request(worker: &str, now: i64, limit: usize) -> ReserveRequest {
    let (worker, quotas) = (WorkerId(worker.into()), Quotas::default());
    ReserveRequest { worker, limit, quotas, now: at(now), news: |_, _| None }
}

fn reply(key: &str, inbox: &str, thread: &str) -> NewSend {
    let mut draft = Draft::new(Recipients::one("ada@example.com".parse().unwrap()), Body::Text(key.into()));
    draft.thread_id = Some(ThreadId::from(thread));
    NewSend {
        key: IdempotencyKey::new(key),
        inbox_id: inbox.into(),
        pod_id: None,
        handler: "support".into(),
        draft,
        stopped: None,
    }
}

/// Owes sends, as a mail that was handled.
async fn owe(store: &dyn Store, sends: Vec<NewSend>) {
    store.record(vec![mail("owing", "owing", "owing", 0)], None).await.unwrap();
    let leased = store.lease(lease_request("w", 0, 1)).await.unwrap().events.remove(0);
    let done = Outcome::Done;
    store
        .settle(Settlement { lease: leased.lease, outcome: done, now: at(0), sends, notes: vec![] })
        .await
        .unwrap();
}

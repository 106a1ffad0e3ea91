use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::limit::{Allowance, CLOCKS_APART, Quotas};
use crate::model::{
    Body, Draft, EventKind, IdempotencyKey, InboxId, OutgoingAttachment, Recipients, ThreadId,
};
use crate::store::{
    EventOutcome, Lane, Lease, LeaseRequest, Leased, NewEvent, NewSend, Recorded, Reservation, Reservations,
    ReserveRequest, SendOutcome, SendSettlement, SendState, Settlement, Store, WorkerId,
};

/// Declares the checks of a module, each run on an empty store.
macro_rules! checks {
    ($($check:ident),* $(,)?) => {
        pub(super) async fn run(make: &impl AsyncFn() -> std::sync::Arc<dyn Store>) {
            $(
                eprintln!("store: {}", stringify!($check));
                let store = make().await;
                Box::pin($check(&*store)).await;
            )*
        }
    };
}
pub(super) use checks;

/// So many seconds after the suite's beginning, which is far from midnight UTC.
pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-02-24T10:00:00Z".parse().expect("a timestamp");
    start + SignedDuration::from_secs(seconds)
}

pub(crate) fn mail(id: &str, inbox: &str, lane: &str, occurred_at: i64) -> NewEvent {
    NewEvent {
        event_id: format!("evt_{id}").into(),
        message_id: Some(format!("msg_{id}").into()),
        inbox_id: Some(inbox.into()),
        lane: Lane(lane.into()),
        kind: EventKind::MESSAGE_RECEIVED,
        occurred_at: at(occurred_at),
        received_at: at(occurred_at),
        body: Bytes::from(format!(r#"{{"event_id":"evt_{id}"}}"#)),
        parked: None,
    }
}

pub(crate) async fn record(store: &dyn Store, events: Vec<NewEvent>) -> Vec<Recorded> {
    store.record(events.into_iter().map(Arc::new).collect(), None).await.expect("events are recorded")
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId(name.into())
}

pub(crate) fn lease_request(now: i64, limit: usize) -> LeaseRequest {
    lease_request_of("w", now, limit)
}

pub(crate) fn lease_request_of(name: &str, now: i64, limit: usize) -> LeaseRequest {
    LeaseRequest { per_inbox: 1_000, ..LeaseRequest::new(worker(name), limit, at(now)) }
}

pub(crate) async fn lease_as(name: &str, store: &dyn Store, now: i64, limit: usize) -> Vec<Leased> {
    store.lease(lease_request_of(name, now, limit)).await.expect("events are leased").events
}

pub(crate) async fn lease(store: &dyn Store, now: i64, limit: usize) -> Vec<Leased> {
    store.lease(lease_request(now, limit)).await.expect("events are leased").events
}

pub(crate) async fn lease_one(store: &dyn Store, now: i64) -> Leased {
    lease(store, now, 1).await.pop().expect("an event is due")
}

pub(crate) fn ids(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|leased| leased.event.event_id.as_str().trim_start_matches("evt_")).collect()
}

pub(crate) fn settlement(lease: &Lease, outcome: EventOutcome, now: i64) -> Settlement {
    Settlement { lease: lease.clone(), outcome, now: at(now), sends: Vec::new(), notes: Vec::new() }
}

pub(crate) async fn settle(store: &dyn Store, leased: &Leased, outcome: EventOutcome, now: i64) {
    store.settle(settlement(&leased.lease, outcome, now)).await.expect("the lease is held");
}

pub(crate) fn retry(when: i64) -> EventOutcome {
    EventOutcome::Retry { at: at(when), error: "no luck".into() }
}

/// A mail in a thread (or outside of any, where it is empty), whose text is its key.
pub(crate) fn reply(key: &str, inbox: &str, thread: &str) -> NewSend {
    let to = "ada@example.com".parse().expect("an address");
    let mut draft = Draft::new(Recipients::one(to), Body::Text(key.into()));
    draft.thread_id = Some(thread).filter(|thread| !thread.is_empty()).map(ThreadId::from);
    NewSend {
        key: IdempotencyKey::new(key),
        inbox_id: inbox.into(),
        pod_id: Some("pod".into()),
        handler: "support".into(),
        draft,
        stopped: None,
    }
}

pub(crate) fn with_attachment(mut send: NewSend, bytes: &'static [u8]) -> NewSend {
    send.draft.attachments.push(OutgoingAttachment::new("a.bin", "application/octet-stream", bytes));
    send
}

/// A worker that is heard every two seconds, as processes are.
pub(crate) async fn beats(name: &str, store: &dyn Store, seconds: RangeInclusive<i64>) {
    for now in seconds.step_by(2) {
        store.heartbeat(&worker(name), at(now)).await.expect("a heartbeat is heard");
    }
}

/// Settles an event of its own with these sends.
pub(crate) async fn owe(store: &dyn Store, now: i64, sends: Vec<NewSend>) {
    let id = format!("owing-{}", sends[0].key);
    record(store, vec![mail(&id, "owing", &id, now)]).await;
    let leased = lease_one(store, now).await;
    let settlement = Settlement { sends, ..settlement(&leased.lease, EventOutcome::Done, now) };
    store.settle(settlement).await.expect("the lease is held");
}

pub(crate) fn reserve_request(now: i64, limit: usize) -> ReserveRequest {
    ReserveRequest::new(worker("w"), limit, at(now))
}

pub(crate) async fn reserve_as(name: &str, store: &dyn Store, now: i64, limit: usize) -> Reservations {
    let request = ReserveRequest { worker: worker(name), ..reserve_request(now, limit) };
    store.reserve(request).await.expect("sends are reserved")
}

pub(crate) async fn reserve(store: &dyn Store, now: i64, limit: usize) -> Reservations {
    store.reserve(reserve_request(now, limit)).await.expect("sends are reserved")
}

pub(crate) async fn reserve_one(store: &dyn Store, now: i64) -> Reservation {
    reserve(store, now, 1).await.sends.pop().expect("a send may go")
}

pub(crate) fn keys(sends: &[Reservation]) -> Vec<&str> {
    sends.iter().map(|reservation| reservation.send.key.as_str()).collect()
}

pub(crate) fn sent() -> SendOutcome {
    SendOutcome::Sent { message_id: Some("msg_sent".into()), thread_id: Some("thr_sent".into()) }
}

pub(crate) fn refused(when: i64) -> SendOutcome {
    SendOutcome::Retry { at: at(when), counted: false, error: "rate_limit_exceeded".into() }
}

pub(crate) fn lost(when: i64) -> SendOutcome {
    SendOutcome::Retry { at: at(when), counted: true, error: "the answer was lost".into() }
}

pub(crate) fn answered(reservation: &Reservation, outcome: SendOutcome, now: i64) -> SendSettlement {
    let (seq, fence) = (reservation.seq, reservation.fence);
    SendSettlement { seq, fence, outcome, now: at(now), lesson: None, hold: None, news: None }
}

pub(crate) async fn answer(store: &dyn Store, reservation: &Reservation, outcome: SendOutcome, now: i64) {
    store.settle_send(answered(reservation, outcome, now)).await.expect("the reservation is held");
}

/// Sends one, from its reservation to the service's yes.
pub(crate) async fn send_one(store: &dyn Store, now: i64) {
    let reservation = reserve_one(store, now).await;
    answer(store, &reservation, sent(), now).await;
}

pub(crate) async fn state(store: &dyn Store, key: &str) -> Option<SendState> {
    store.send_state(&IdempotencyKey::new(key)).await.expect("the store is read")
}

/// How long a slot stays taken, in seconds: machines that share a store tell the time by clocks of their own.
pub(crate) fn minute(store: &dyn Store) -> i64 {
    60 + apart(store)
}

/// How many seconds after midnight a day begins.
pub(crate) fn apart(store: &dyn Store) -> i64 {
    if store.poll_every().is_some() { CLOCKS_APART.as_secs().cast_signed() } else { 0 }
}

async fn left(store: &dyn Store, inbox: &str, now: i64) -> Allowance {
    let allowance = store.allowance(&InboxId::from(inbox), &Quotas::default(), at(now)).await;
    allowance.expect("the store is read")
}

pub(crate) async fn left_in_minute(store: &dyn Store, inbox: &str, now: i64) -> u32 {
    left(store, inbox, now).await.minute
}

pub(crate) async fn left_in_day(store: &dyn Store, inbox: &str, now: i64) -> u32 {
    left(store, inbox, now).await.day
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{Client, StandIn};
use crate::clock::Clock;
use crate::limit::Quotas;
use crate::model::{IdempotencyKey, Secret};
use crate::store::conformance::fixture;
use crate::store::troubled::TroubledStore;
use crate::store::{SendState, Store};

use super::*;

fn sender(store: &Arc<TroubledStore>, clock: &Clock) -> Sender {
    sender_to(client(), store, clock)
}

fn sender_to(client: Client, store: &Arc<TroubledStore>, clock: &Clock) -> Sender {
    Sender {
        store: store.clone(),
        client,
        outbox: Outbox::new(store.clone()),
        clock: clock.clone(),
        quotas: Quotas::default(),
        worker: fixture::worker("w"),
        only: None,
        news: Arc::new(Notify::new()),
    }
}

fn client() -> Client {
    client_of(counting().0)
}

fn client_of(service: StandIn) -> Client {
    let builder = Client::builder(Secret::new("om_test")).base_url("http://localhost").unwrap();
    builder.answered_by(service).build().unwrap()
}

/// A sender at work.
struct Sending {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Sending {
    fn start(sender: Sender) -> Self {
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        Self { task: tokio::spawn(async move { sender.run(stop).await }), shutdown }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn a_send_to_be_tried_again_is_not_forgotten_while_the_store_is_asked_for_others() {
    let store = Arc::new(TroubledStore::default());
    let clock = Clock::manual(fixture::at(0));
    let sender = sender(&store, &clock);
    let outbox = sender.outbox.clone();
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    store.settling_sends.shut();
    let sending = Sending::start(sender);
    store.settling_sends.came(1).await;

    // The store has found that nothing may go now, and has not said so yet, when the failure is recorded.
    store.reserving.shut();
    outbox.wake();
    store.reserving.came(1).await;
    store.settling_sends.open();
    let key = IdempotencyKey::new("key");
    tokio::task::yield_now().await;
    assert_eq!(store.send_state(&key).await.unwrap(), Some(SendState::Owed));
    store.reserving.open();

    for _ in 0..600 {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let state = store.send_state(&key).await.unwrap();
    assert!(matches!(state, Some(SendState::Sent { .. })), "the send is tried again: {state:?}");
    sending.stop().await;
}

#[tokio::test]
async fn what_became_of_a_send_is_to_be_tried_again_where_the_store_will_never_take_it() {
    let store = Arc::new(TroubledStore::default());
    let clock = Clock::manual(fixture::at(0));
    let sender = sender(&store, &clock);
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    store.refuse_ends(true);
    let reserve = async || sender.reserve(1).await.unwrap().sends;
    // The first attempt fails, and is recorded as that.
    sender.attempt(reserve().await.remove(0), &Refusal::default()).await;
    clock.advance(Duration::from_secs(60));
    sender.attempt(reserve().await.remove(0), &Refusal::default()).await;
    let key = IdempotencyKey::new("key");
    assert_eq!(store.send_state(&key).await.unwrap(), Some(SendState::Owed));

    // Not in hand for ever, which nobody would ever take from a living worker.
    store.refuse_ends(false);
    assert!(reserve().await.is_empty(), "not at once");
    clock.advance(UNRECORDED);
    sender.attempt(reserve().await.remove(0), &Refusal::default()).await;
    assert!(matches!(store.send_state(&key).await.unwrap(), Some(SendState::Sent { .. })));
}

#[tokio::test]
async fn a_send_is_given_back_however_often_the_store_refuses_what_became_of_it() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let sender = sender(&store, &clock);
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    store.refuse_next(4);
    let passing = async {
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let (reservation, refusal) = (sender.reserve(1).await.unwrap().sends.remove(0), Refusal::default());
    tokio::select! {
        () = sender.attempt(reservation, &refusal) => {}
        () = passing => {}
    }
    clock.advance(UNRECORDED);
    assert_eq!(sender.reserve(1).await.unwrap().sends.len(), 1, "it is attempted again, under its key");
}

#[tokio::test]
async fn an_end_that_is_recorded_late_is_no_clock_that_was_set_back() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let sender = sender(&store, &clock);
    fixture::owe(&*store, 0, vec![fixture::reply("waits", "elsewhere", "another")]).await;
    let waits = fixture::reserve_one(&*store, 0).await;
    fixture::answer(&*store, &waits, fixture::lost(3_600), 0).await;
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    let (reservation, refusal) = (sender.reserve(1).await.unwrap().sends.remove(0), Refusal::default());
    store.refuse_next(4);
    let passing = async {
        loop {
            clock.advance(Duration::from_secs(10));
            assert!(sender.reserve(10).await.unwrap().sends.is_empty(), "the store is asked meanwhile");
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = sender.attempt(reservation, &refusal) => {}
        () = passing => {}
    }
    let early = fixture::reserve(&*store, 3_599, 10).await.sends;
    assert_eq!(early.iter().map(|send| send.send.key.as_str()).collect::<Vec<_>>(), ["key"]);
    assert_eq!(fixture::reserve_one(&*store, 3_600).await.send.key.as_str(), "waits");
}

#[tokio::test]
async fn what_somebody_owes_who_goes_away_is_looked_for() {
    let outbox = Outbox::new(Arc::new(TroubledStore::default()));
    let owing = async {
        let _told = outbox.wake_in_the_end();
        std::future::pending::<()>().await;
    };
    assert!(tokio::time::timeout(Duration::ZERO, owing).await.is_err());
    assert!(outbox.woken().now_or_never().is_some(), "the sender is told");
}

#[tokio::test]
async fn what_nobody_told_of_is_sent_within_half_a_minute() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let sender = sender(&store, &clock);
    store.reserving.shut();
    let sending = Sending::start(sender);
    store.reserving.came(1).await;
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    store.reserving.open();
    for _ in 0..60 {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let state = store.send_state(&IdempotencyKey::new("key")).await.unwrap();
    assert!(matches!(state, Some(SendState::Sent { .. })), "{state:?}");
    sending.stop().await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_tried_once_a_minute_and_all_goes_on_when_it_is_accepted() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = StandIn::new(move |_| {
        let (status, body) = match counted.fetch_add(1, Ordering::SeqCst) {
            0..5 => (401, r#"{"error":"unauthorized"}"#),
            _ => (200, r#"{"messageId":"msg_1"}"#),
        };
        Some(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    });
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let names = ["a", "b", "c", "d"];
    fixture::owe(&*store, 0, names.map(|name| fixture::reply(name, "inbox", name)).into()).await;
    let sending = Sending::start(sender_to(client_of(service), &store, &clock));
    let pass = async |seconds: u64| {
        for _ in 0..seconds {
            clock.advance(Duration::from_secs(1));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        calls.load(Ordering::SeqCst)
    };
    assert_eq!(pass(50).await, 4, "each of those that were under way, and nothing more");
    assert_eq!(pass(20).await, 5, "one finds out");
    assert_eq!(pass(70).await, 9, "and then they all leave");
    assert_eq!(store.census().await.unwrap().sent, 4);
    sending.stop().await;
}

#[test]
fn a_refusal_that_is_over_is_waited_for_no_more() {
    let refusal = Refusal::default();
    refusal.learn(Some(&api::ErrorKind::Unauthorized), fixture::at(0));
    assert_eq!((refusal.places(fixture::at(59)), refusal.until(fixture::at(59))), (0, Some(fixture::at(60))));
    // Whoever finds out wakes the sender: a moment that has passed would keep it awake, and others from their turn.
    assert_eq!((refusal.places(fixture::at(60)), refusal.until(fixture::at(60))), (1, None));
    refusal.learn(Some(&api::ErrorKind::Timeout), fixture::at(61));
    assert_eq!((refusal.places(fixture::at(61)), refusal.until(fixture::at(61))), (1, None));
    refusal.learn(None, fixture::at(62));
    assert_eq!(refusal.places(fixture::at(62)), IN_FLIGHT);
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The service, which fails at first, and how often it was asked.
fn counting() -> (StandIn, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = StandIn::new(move |_| {
        let (status, body) = match counted.fetch_add(1, Ordering::SeqCst) {
            0 => (500, r#"{"error":{"code":"internal_error","message":"no luck"}}"#),
            _ => (200, r#"{"messageId":"msg_1","threadId":"thr_1"}"#),
        };
        Some(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    });
    (service, calls)
}

#[tokio::test]
async fn what_slept_past_the_life_of_its_key_before_it_left_does_not_leave() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let (service, calls) = counting();
    let (sender, refusal) = (sender_to(client_of(service), &store, &clock), Refusal::default());
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    let reserve = async || sender.reserve(1).await.unwrap();
    sender.attempt(reserve().await.sends.remove(0), &refusal).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(60));

    let reserved = reserve().await.sends.remove(0);
    clock.advance(DAY);
    sender.attempt(reserved, &refusal).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the service may have sent it, and forgotten the key");
    assert_eq!(reserve().await.expired.len(), 1, "it has failed, and its handler hears of it");
}

#[tokio::test]
async fn what_slept_before_its_first_attempt_leaves_later() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let (service, calls) = counting();
    let (sender, refusal) = (sender_to(client_of(service), &store, &clock), Refusal::default());
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    let reserved = sender.reserve(1).await.unwrap().sends.remove(0);
    clock.advance(DAY);
    sender.attempt(reserved, &refusal).await;
    assert_eq!(calls.load(Ordering::SeqCst), 0, "others may have sent it meanwhile");
    let again = sender.reserve(1).await.unwrap().sends.remove(0);
    assert_eq!((again.first_attempt_at, again.is_expired(clock.now())), (clock.now(), false));
    sender.attempt(again, &refusal).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_its_turn_past_the_life_of_its_key_does_not_leave() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let (service, calls) = counting();
    let builder = Client::builder(Secret::new("om_test")).base_url("http://localhost").unwrap();
    let client = builder.requests_per_minute(1).answered_by(service).build().unwrap();
    let (sender, refusal) = (sender_to(client, &store, &clock), Refusal::default());
    fixture::owe(&*store, 0, vec![fixture::reply("key", "inbox", "thread")]).await;
    sender.attempt(sender.reserve(1).await.unwrap().sends.remove(0), &refusal).await;
    clock.advance(Duration::from_secs(60));
    let attempt = sender.attempt(sender.reserve(1).await.unwrap().sends.remove(0), &refusal);
    tokio::join!(attempt, async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(calls.load(Ordering::SeqCst), 1, "it waits for its turn");
        clock.advance(DAY);
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

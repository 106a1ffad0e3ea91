use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::model::Event;
use crate::router::Route;
use crate::runtime::Rehearsal;
use crate::store::Store;
use crate::store::conformance::fixture;
use crate::store::troubled::TroubledStore;
use crate::wire::event::decode;

/// A runtime with a handler that takes an event of a kind that nobody knows.
fn rehearsal(store: &Arc<TroubledStore>, clock: &Clock) -> Rehearsal {
    Rehearsal::of(vec![Route::new("agent", async || {}).event("brand.new")], store.clone(), clock.clone())
}

/// Handles the event if it is its turn.
async fn handle(rehearsal: &Rehearsal, event: &Event) -> bool {
    match rehearsal.turn(&event.id).await.unwrap() {
        Some(leased) => {
            rehearsal.handle(leased).await;
            true
        }
        None => false,
    }
}

fn event() -> Event {
    decode(br#"{"event":"brand.new","event_id":"evt_1"}"#, None).unwrap()
}

#[tokio::test]
async fn an_outcome_that_the_store_will_never_take_is_settled_as_one_to_be_tried_again() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let (rehearsal, event) = (rehearsal(&store, &clock), event());
    rehearsal.receive(&event).await.unwrap();
    store.refuse_ends(true);
    assert!(handle(&rehearsal, &event).await);
    // Not in hand for ever, which nobody would ever take from a living worker.
    let census = store.census().await.unwrap();
    assert_eq!((census.leased, census.waiting, census.done), (0, 1, 0));

    store.refuse_ends(false);
    assert!(!handle(&rehearsal, &event).await, "not at once");
    clock.advance(Duration::from_secs(60));
    assert!(handle(&rehearsal, &event).await);
    assert_eq!(store.census().await.unwrap().done, 1);
}

#[tokio::test]
async fn an_event_is_given_back_however_often_the_store_refuses_its_outcome() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    let (rehearsal, event) = (rehearsal(&store, &clock), event());
    rehearsal.receive(&event).await.unwrap();
    store.refuse_next(4);
    let passing = async {
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        handled = handle(&rehearsal, &event) => assert!(handled),
        () = passing => {}
    }
    let census = store.census().await.unwrap();
    assert_eq!((census.leased, census.waiting), (0, 1), "not in hand for ever");
}

#[tokio::test]
async fn mail_without_a_handler_waits_for_a_process_that_has_one_where_there_may_be_others() {
    let mail = br#"{"event":"message.received","event_id":"evt_1","message":{"id":"msg_1","from":"ada@example.com"}}"#;
    for is_shared in [false, true] {
        let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
        if is_shared {
            store.share();
        }
        let (rehearsal, event) = (rehearsal(&store, &clock), decode(mail, None).unwrap());
        rehearsal.receive(&event).await.unwrap();
        let parked = async |store: &TroubledStore| store.census().await.unwrap().parked;
        let mut tries = 0;
        while parked(&store).await == 0 {
            assert!(handle(&rehearsal, &event).await);
            clock.advance(Duration::from_secs(60));
            tries += 1;
        }
        assert_eq!(tries, if is_shared { 11 } else { 1 });
    }
}

#[tokio::test]
async fn mail_that_waited_long_for_its_turn_waits_for_another_process_s_handler_all_the_same() {
    let (store, clock) = (Arc::new(TroubledStore::default()), Clock::manual(fixture::at(0)));
    store.share();
    let rehearsal = rehearsal(&store, &clock);
    let mail =
        decode(br#"{"event":"message.received","event_id":"evt_1","message":{"id":"msg_1"}}"#, None).unwrap();
    rehearsal.receive(&mail).await.unwrap();
    clock.advance(Duration::from_secs(24 * 60 * 60));
    for _ in 0..10 {
        assert!(handle(&rehearsal, &mail).await);
        assert_eq!(store.census().await.unwrap().parked, 0);
        clock.advance(Duration::from_secs(60));
    }
    assert!(handle(&rehearsal, &mail).await);
    assert_eq!(store.census().await.unwrap().parked, 1);
}

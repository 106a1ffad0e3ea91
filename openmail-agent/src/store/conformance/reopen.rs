use std::sync::Arc;

use super::Backend;
use super::fixture::*;
use crate::limit::Lesson;
use crate::store::{
    Bookmark, Census, EventOutcome, Hold, HoldScope, NewEvent, Note, NoteScope, Recorded, SendSettlement,
    SendState, Settlement, Store, StoreErrorKind,
};

/// Declares the checks of a restart, each run at an empty place.
macro_rules! reopen_checks {
    ($($check:ident),* $(,)?) => {
        pub(super) async fn run<B: Backend>(make: &impl Fn() -> B) {
            $(
                eprintln!("store: {}", stringify!($check));
                Box::pin($check(&make())).await;
            )*
        }
    };
}

reopen_checks![
    what_waited_waits_still,
    names_are_known_still,
    a_lease_of_the_process_before_is_over,
    a_try_counts_still_and_a_deferral_does_not,
    a_retry_waits_for_its_time_still,
    bookmarks_and_notes_are_there_still,
    what_was_owed_is_owed_still_and_leaves_in_order,
    what_was_sent_is_not_sent_again,
    limits_hold_over_a_restart,
    a_send_in_flight_is_attempted_again_and_keeps_its_slot,
    a_send_tried_before_and_after_takes_one_place_in_the_day,
    a_clock_that_was_set_back_frees_nothing_early,
    a_key_is_no_younger_over_a_restart_for_a_clock_that_ran_ahead,
    lessons_and_holds_stand_still,
    numbers_are_never_given_twice,
    the_census_is_the_same,
];

async fn reopen(backend: &impl Backend, store: Arc<dyn Store>) -> Arc<dyn Store> {
    drop(store);
    backend.open().await
}

async fn what_waited_waits_still(backend: &impl Backend) {
    let store = backend.open().await;
    record(&*store, vec![mail("2", "i", "a", 2), mail("1", "i", "a", 1), mail("3", "j", "b", 3)]).await;
    let store = reopen(backend, store).await;
    let leased = lease(&*store, 5, 10).await;
    let mut found = ids(&leased);
    found.sort_unstable();
    assert_eq!(found, ["1", "3"]);
    let body = leased.iter().find(|leased| leased.event.event_id.as_str() == "evt_1").unwrap();
    assert_eq!(body.event.body, mail("1", "i", "a", 1).body);
}

async fn names_are_known_still(backend: &impl Backend) {
    let store = backend.open().await;
    let alias = NewEvent { event_id: "evt_alias".into(), ..mail("1", "i", "a", 1) };
    record(&*store, vec![mail("1", "i", "a", 1), alias.clone(), mail("2", "i", "a", 2)]).await;
    settle(&*store, &lease_one(&*store, 5).await, EventOutcome::Done, 5).await;
    let store = reopen(backend, store).await;
    let other_id = NewEvent { event_id: "evt_other".into(), ..mail("2", "i", "a", 2) };
    let bare_alias = NewEvent { message_id: None, ..alias };
    let again = record(&*store, vec![mail("1", "i", "a", 1), bare_alias, other_id]).await;
    assert_eq!(again, [Recorded::Known; 3]);
}

async fn a_lease_of_the_process_before_is_over(backend: &impl Backend) {
    let store = backend.open().await;
    record(&*store, vec![mail("1", "i", "a", 1)]).await;
    let before = lease_one(&*store, 0).await;
    let store = reopen(backend, store).await;
    let after = lease_one(&*store, 1).await;
    assert_eq!(
        (after.lease.seq, after.attempt),
        (before.lease.seq, 2),
        "the crash counts, and costs no waiting"
    );
    let refused = store.settle(settlement(&before.lease, EventOutcome::Done, 1)).await.unwrap_err();
    assert_eq!(*refused.kind(), StoreErrorKind::LeaseLost);
}

async fn a_try_counts_still_and_a_deferral_does_not(backend: &impl Backend) {
    let mut store = backend.open().await;
    let mails = ["done", "deferred", "retried", "lost"].map(|id| mail(id, "i", id, 1));
    record(&*store, mails.to_vec()).await;
    let leased = lease(&*store, 1, 10).await;
    settle(&*store, &leased[0], EventOutcome::Done, 1).await;
    settle(&*store, &leased[1], EventOutcome::Defer { at: at(1) }, 1).await;
    settle(&*store, &leased[2], retry(1), 1).await;
    for crashes in 1..4 {
        store = reopen(backend, store).await;
        let leased = lease(&*store, 1, 10).await;
        let tries: Vec<_> = leased.iter().map(|leased| leased.attempt).collect();
        assert_eq!(tries, [crashes, crashes + 1, crashes + 1]);
    }
}

async fn a_retry_waits_for_its_time_still(backend: &impl Backend) {
    let store = backend.open().await;
    record(&*store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2)]).await;
    settle(&*store, &lease_one(&*store, 0).await, retry(300), 1).await;
    let store = reopen(backend, store).await;
    let leases = store.lease(lease_request(299, 10)).await.unwrap();
    assert!(leases.events.is_empty());
    assert_eq!(leases.next_due, Some(at(300)));
    let again = lease_one(&*store, 300).await;
    assert_eq!((again.attempt, again.event.event_id.as_str()), (2, "evt_1"));
}

async fn bookmarks_and_notes_are_there_still(backend: &impl Backend) {
    let store = backend.open().await;
    store.record(vec![mail("1", "i", "a", 1).into()], Some(Bookmark::new("socket", "evt_1"))).await.unwrap();
    let lease = lease_one(&*store, 0).await.lease;
    let scopes = [
        NoteScope::Step { seq: lease.seq, name: "model".into() },
        NoteScope::Thread { thread_id: "t".into(), name: "topic".into() },
    ];
    for scope in &scopes {
        store.remember(&lease, Note { scope: scope.clone(), value: "[1]".into() }).await.unwrap();
    }
    let store = reopen(backend, store).await;
    assert_eq!(store.bookmark("socket").await.unwrap().as_deref(), Some("evt_1"));
    for scope in &scopes {
        assert_eq!(store.recall(scope).await.unwrap().as_deref(), Some(&b"[1]"[..]));
    }
}

async fn what_was_owed_is_owed_still_and_leaves_in_order(backend: &impl Backend) {
    let store = backend.open().await;
    let first = with_attachment(reply("1", "i", "t"), b"\xff\x00");
    owe(&*store, 0, vec![first.clone(), reply("2", "i", "t"), reply("other", "i", "")]).await;
    let store = reopen(backend, store).await;
    let sends = reserve(&*store, 1, 10).await.sends;
    assert_eq!(keys(&sends), ["1", "other"]);
    assert_eq!(sends[0].send.draft, first.draft);
}

async fn what_was_sent_is_not_sent_again(backend: &impl Backend) {
    let store = backend.open().await;
    record(&*store, vec![mail("1", "i", "a", 1)]).await;
    let lease = lease_one(&*store, 0).await.lease;
    store.owe(&lease, vec![reply("k", "i", "t")]).await.unwrap();
    send_one(&*store, 1).await;
    let store = reopen(backend, store).await;
    assert!(matches!(state(&*store, "k").await, Some(SendState::Sent { .. })));
    let lease = lease_one(&*store, 2).await.lease;
    let again = Settlement { sends: vec![reply("k", "i", "t")], ..settlement(&lease, EventOutcome::Done, 2) };
    store.settle(again).await.unwrap();
    assert!(reserve(&*store, 100, 10).await.sends.is_empty());
}

async fn limits_hold_over_a_restart(backend: &impl Backend) {
    let store = backend.open().await;
    let sends = (0..12).map(|n| reply(&n.to_string(), "i", ""));
    owe(&*store, 0, sends.collect()).await;
    for n in 0..10 {
        send_one(&*store, n).await;
    }
    let store = reopen(backend, store).await;
    let full = reserve(&*store, 30, 10).await;
    assert!(full.sends.is_empty());
    assert_eq!(full.next_due, Some(at(minute(&*store))));
    let allowance = store.allowance(&"i".into(), &reserve_request(30, 1).quotas, at(30)).await.unwrap();
    assert_eq!((allowance.minute, allowance.day), (0, 190));
}

async fn a_send_in_flight_is_attempted_again_and_keeps_its_slot(backend: &impl Backend) {
    let store = backend.open().await;
    owe(&*store, 0, vec![reply("k", "i", "t")]).await;
    let before = reserve_one(&*store, 0).await;
    let store = reopen(backend, store).await;
    assert_eq!(left_in_minute(&*store, "i", 1).await, 9);
    let again = reserve_one(&*store, 1).await;
    assert_eq!((again.seq, again.attempt, again.first_attempt_at), (before.seq, 2, at(0)));
    let refused = store.settle_send(answered(&before, sent(), 2)).await.unwrap_err();
    assert_eq!(*refused.kind(), StoreErrorKind::LeaseLost);
    answer(&*store, &again, sent(), 2).await;
    let minute = minute(&*store);
    assert_eq!(left_in_minute(&*store, "i", minute).await, 8, "the lost one counts from when it was found");
    assert_eq!(left_in_minute(&*store, "i", 2 + minute).await, 10);
}

async fn a_send_tried_before_and_after_takes_one_place_in_the_day(backend: &impl Backend) {
    let store = backend.open().await;
    owe(&*store, 0, vec![reply("1", "i", "a")]).await;
    for n in 0..2 {
        answer(&*store, &reserve_one(&*store, n).await, lost(n + 1), n).await;
    }
    let store = reopen(backend, store).await;
    assert_eq!((left_in_minute(&*store, "i", 2).await, left_in_day(&*store, "i", 2).await), (8, 199));
    send_one(&*store, 2).await;
    let store = reopen(backend, store).await;
    assert_eq!((left_in_minute(&*store, "i", 3).await, left_in_day(&*store, "i", 3).await), (7, 199));
}

async fn a_clock_that_was_set_back_frees_nothing_early(backend: &impl Backend) {
    let store = backend.open().await;
    let sends = (0..10).map(|n| reply(&n.to_string(), "i", &n.to_string()));
    owe(&*store, 0, sends.collect()).await;
    send_one(&*store, 7_200).await;
    for _ in 0..9 {
        send_one(&*store, 1).await;
    }
    assert_eq!(left_in_minute(&*store, "i", 2).await, 0);
    let store = reopen(backend, store).await;
    assert_eq!(left_in_minute(&*store, "i", 2).await, 0);
}

async fn a_key_is_no_younger_over_a_restart_for_a_clock_that_ran_ahead(backend: &impl Backend) {
    let store = backend.open().await;
    owe(&*store, 0, vec![reply("k", "i", "t"), reply("right", "i", "u")]).await;
    let sends = reserve(&*store, 5, 10).await.sends;
    answer(&*store, &sends[1], lost(4_000), 6).await;
    answer(&*store, &sends[0], refused(7), 6).await;
    answer(&*store, &reserve_one(&*store, 3_600).await, lost(3_601), 3_600).await;
    let store = reopen(backend, store).await;
    reserve(&*store, 10, 0).await;
    let store = reopen(backend, store).await;
    let sends = reserve(&*store, 4_000, 10).await.sends;
    let first: Vec<_> = sends.iter().map(|send| (send.send.key.as_str(), send.first_attempt_at)).collect();
    assert_eq!(first, [("k", at(0)), ("right", at(5))], "it was not before the mail that it answers");
}

async fn lessons_and_holds_stand_still(backend: &impl Backend) {
    let store = backend.open().await;
    owe(&*store, 0, vec![reply("i", "i", ""), reply("j", "j", "")]).await;
    for (inbox, reservation) in ["i", "j"].into_iter().zip(reserve(&*store, 0, 10).await.sends) {
        let lesson = Some(Lesson::new(inbox, at(500)));
        let refusal = SendSettlement { lesson, ..answered(&reservation, refused(5), 1) };
        store.settle_send(refusal).await.unwrap();
    }
    let held = HoldScope::Inbox("i".into());
    let hold = |since| Hold::new(held.clone(), at(since), at(1_000), "abuse");
    store.hold(hold(10)).await.unwrap();
    let released = HoldScope::Inbox("j".into());
    store.release(&released, at(20)).await.unwrap();
    let store = reopen(backend, store).await;
    store.hold(Hold { scope: released, ..hold(15) }).await.unwrap();
    assert!(reserve(&*store, 499, 10).await.sends.is_empty());
    assert_eq!(keys(&reserve(&*store, 500, 10).await.sends), ["j"]);
    store.release(&held, at(510)).await.unwrap();
    assert_eq!(keys(&reserve(&*store, 520, 10).await.sends), ["i"]);
}

async fn numbers_are_never_given_twice(backend: &impl Backend) {
    let store = backend.open().await;
    record(&*store, vec![mail("1", "i", "a", 1)]).await;
    let before = lease_one(&*store, 0).await;
    settle(&*store, &before, EventOutcome::Done, 1).await;
    store.prune(at(10), at(10), 10).await.unwrap();
    let store = reopen(backend, store).await;
    record(&*store, vec![mail("2", "i", "a", 2)]).await;
    assert!(lease_one(&*store, 20).await.lease.seq > before.lease.seq);
}

async fn the_census_is_the_same(backend: &impl Backend) {
    let store = backend.open().await;
    let parked = NewEvent { parked: Some("not JSON".into()), ..mail("parked", "i", "p", 0) };
    record(&*store, vec![parked, mail("dead", "i", "d", 0)]).await;
    settle(&*store, &lease_one(&*store, 0).await, EventOutcome::Dead { error: "x".into() }, 0).await;
    owe(&*store, 1, vec![reply("a", "i", "a"), reply("b", "i", "b"), reply("c", "i", "c")]).await;
    send_one(&*store, 2).await;
    record(&*store, vec![mail("1", "i", "a", 1), mail("2", "i", "b", 2)]).await;
    lease(&*store, 3, 1).await;
    let before = store.census().await.unwrap();
    let store = reopen(backend, store).await;
    let expected = Census { waiting: before.waiting + before.leased, leased: 0, ..before };
    assert_eq!(store.census().await.unwrap(), expected);
    assert_eq!((before.waiting, before.done, before.dead, before.parked), (1, 1, 1, 1));
    assert_eq!((before.owed, before.sent), (2, 1));
}

use super::fixture::*;
use crate::store::{
    EventOutcome, NewEvent, NewSend, Note, NoteScope, Recorded, SendState, Settlement, Store,
};

checks![
    what_was_finished_before_is_forgotten,
    no_more_than_the_limit_is_forgotten,
    mails_with_many_sends_are_forgotten_with_all_of_them,
    what_is_set_aside_stays_twice_as_long,
    steps_go_with_their_event_and_threads_stay,
    sent_mail_is_forgotten_and_owed_mail_is_not,
    the_key_of_a_running_event_is_kept,
    the_key_of_an_event_that_is_set_aside_is_kept_as_long,
    the_census_counts_every_state,
];

async fn finish(store: &dyn Store, id: &str, outcome: EventOutcome, now: i64) {
    record(store, vec![mail(id, "i", id, now)]).await;
    settle(store, &lease_one(store, now).await, outcome, now).await;
}

async fn prune(store: &dyn Store, before: i64, now: i64) -> usize {
    store.prune(at(before), at(now), 100).await.unwrap()
}

async fn what_was_finished_before_is_forgotten(store: &dyn Store) {
    finish(store, "old", EventOutcome::Done, 10).await;
    finish(store, "new", EventOutcome::Done, 20).await;
    record(store, vec![mail("waiting", "i", "w", 0)]).await;
    let alias = NewEvent { event_id: "evt_alias".into(), ..mail("old", "i", "old", 10) };
    record(store, vec![alias.clone()]).await;
    assert_eq!(prune(store, 20, 30).await, 1);
    let census = store.census().await.unwrap();
    assert_eq!((census.done, census.waiting), (1, 1));
    assert_eq!(record(store, vec![mail("new", "i", "new", 20)]).await, [Recorded::Known]);
    assert!(
        matches!(record(store, vec![alias]).await[..], [Recorded::New(_)]),
        "every id of it is forgotten"
    );
}

async fn no_more_than_the_limit_is_forgotten(store: &dyn Store) {
    for id in ["1", "2", "3"] {
        finish(store, id, EventOutcome::Done, 10).await;
    }
    for left in [2, 1, 0] {
        assert_eq!(store.prune(at(20), at(30), 1).await.unwrap(), 1);
        assert_eq!(store.census().await.unwrap().done, left);
    }
    assert_eq!(store.prune(at(20), at(30), 1).await.unwrap(), 0);
}

async fn mails_with_many_sends_are_forgotten_with_all_of_them(store: &dyn Store) {
    owe(store, 0, ["a", "b", "c", "d"].map(|key| reply(key, "i", key)).into()).await;
    for _ in 0..4 {
        send_one(store, 0).await;
    }
    let mut rounds = 0;
    while store.prune(at(10), at(10), 1).await.unwrap() > 0 {
        rounds += 1;
    }
    assert_eq!(rounds, 4, "one of each at a time");
    let census = store.census().await.unwrap();
    assert_eq!((census.done, census.sent), (0, 0));
}

async fn what_is_set_aside_stays_twice_as_long(store: &dyn Store) {
    finish(store, "dead", EventOutcome::Dead { error: "gave up".into() }, 100).await;
    finish(store, "parked", EventOutcome::Parked { reason: "spam".into() }, 100).await;
    // Kept for 50 seconds, so for 100 where it is set aside.
    assert_eq!(prune(store, 150, 200).await, 0);
    assert_eq!(prune(store, 151, 201).await, 2);
}

async fn steps_go_with_their_event_and_threads_stay(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let lease = lease_one(store, 0).await.lease;
    let step = NoteScope::Step { seq: lease.seq, name: "model".into() };
    let thread = NoteScope::Thread { thread_id: "t".into(), name: "topic".into() };
    for scope in [&step, &thread] {
        store.remember(&lease, Note { scope: scope.clone(), value: "1".into() }).await.unwrap();
    }
    store.settle(settlement(&lease, EventOutcome::Done, 1)).await.unwrap();
    assert!(store.recall(&step).await.unwrap().is_some());
    assert_eq!(prune(store, 10, 10).await, 1);
    assert_eq!(store.recall(&step).await.unwrap(), None);
    assert!(store.recall(&thread).await.unwrap().is_some());
}

async fn sent_mail_is_forgotten_and_owed_mail_is_not(store: &dyn Store) {
    let stopped = NewSend { stopped: Some("a loop".into()), ..reply("stopped", "i", "s") };
    owe(store, 0, vec![with_attachment(reply("sent", "i", "t"), b"x"), reply("owed", "i", "u"), stopped])
        .await;
    send_one(store, 1).await;
    prune(store, 10, 15).await;
    assert_eq!(state(store, "sent").await, None);
    assert_eq!(state(store, "owed").await, Some(SendState::Owed));
    assert!(state(store, "stopped").await.is_none(), "it was stopped more than twice as long ago");
}

async fn the_key_of_a_running_event_is_kept(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let lease = lease_one(store, 0).await.lease;
    store.owe(&lease, vec![reply("k", "i", "t")]).await.unwrap();
    send_one(store, 1).await;
    prune(store, 10, 10).await;
    let again =
        Settlement { sends: vec![reply("k", "i", "t")], ..settlement(&lease, EventOutcome::Done, 20) };
    store.settle(again).await.unwrap();
    assert!(reserve(store, 30, 10).await.sends.is_empty(), "it left once");
    prune(store, 40, 40).await;
    assert_eq!(state(store, "k").await, None);
}

async fn the_key_of_an_event_that_is_set_aside_is_kept_as_long(store: &dyn Store) {
    let set_aside =
        [EventOutcome::Dead { error: "gave up".into() }, EventOutcome::Parked { reason: "nobody's".into() }];
    for (id, outcome) in ["dead", "parked"].into_iter().zip(set_aside) {
        record(store, vec![mail(id, "i", id, 0)]).await;
        let leased = lease_one(store, 0).await;
        store.owe(&leased.lease, vec![reply(id, "i", id)]).await.unwrap();
        send_one(store, 1).await;
        settle(store, &leased, outcome, 5).await;
    }
    assert_eq!(prune(store, 10, 16).await, 0);
    for id in ["dead", "parked"] {
        assert!(matches!(state(store, id).await, Some(SendState::Sent { .. })), "it may be handled again");
    }
    while prune(store, 40, 50).await > 0 {}
    assert_eq!((state(store, "dead").await, state(store, "parked").await), (None, None));
}

async fn the_census_counts_every_state(store: &dyn Store) {
    finish(store, "done", EventOutcome::Done, 0).await;
    finish(store, "dead", EventOutcome::Dead { error: "x".into() }, 0).await;
    finish(store, "parked", EventOutcome::Parked { reason: "x".into() }, 0).await;
    let stopped = NewSend { stopped: Some("x".into()), ..reply("c", "i", "c") };
    owe(store, 0, vec![reply("a", "i", "a"), reply("b", "i", "b"), stopped]).await;
    send_one(store, 0).await;
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2), mail("3", "i", "a", 3)]).await;
    lease(store, 5, 10).await;
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.leased, census.done), (2, 1, 2));
    assert_eq!((census.parked, census.dead), (1, 1));
    assert_eq!((census.owed, census.sent, census.failed), (1, 1, 1));
}

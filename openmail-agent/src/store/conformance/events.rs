use bytes::Bytes;

use super::fixture::*;
use crate::model::EventKind;
use crate::store::{
    Bookmark, EventOutcome, EventSeq, Lane, NewEvent, Note, NoteScope, Recorded, Settlement, Store,
    StoreErrorKind,
};

checks![
    an_event_is_known_by_its_event_id,
    a_mail_is_known_under_any_event_id,
    the_same_mail_twice_in_one_call_is_kept_once,
    mails_without_a_message_id_are_told_apart,
    what_is_leased_is_what_was_recorded,
    a_bookmark_moves_with_its_events,
    what_arrives_parked_is_never_leased,
    what_is_settled_for_good_is_never_leased_again,
    a_lease_is_settled_once,
    a_lost_lease_changes_nothing,
    a_crash_and_a_retry_count_as_attempts_and_a_deferral_does_not,
    notes_are_read_back,
    settling_commits_sends_and_notes_together,
];

async fn an_event_is_known_by_its_event_id(store: &dyn Store) {
    let first = record(store, vec![mail("1", "i", "a", 0)]).await;
    assert!(matches!(first[..], [Recorded::New(_)]));
    let other_mail = NewEvent { message_id: Some("msg_2".into()), ..mail("1", "i", "a", 0) };
    assert_eq!(record(store, vec![other_mail]).await, [Recorded::Known]);
    assert_eq!(store.census().await.unwrap().waiting, 1);
}

async fn a_mail_is_known_under_any_event_id(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let replay = NewEvent { event_id: "evt_replay".into(), ..mail("1", "i", "a", 0) };
    assert_eq!(record(store, vec![replay.clone()]).await, [Recorded::Known]);
    let bare = NewEvent { message_id: None, ..replay };
    assert_eq!(record(store, vec![bare]).await, [Recorded::Known], "the second id is remembered too");
}

async fn the_same_mail_twice_in_one_call_is_kept_once(store: &dyn Store) {
    let again = NewEvent { event_id: "evt_again".into(), ..mail("1", "i", "a", 0) };
    let verdicts = record(store, vec![mail("1", "i", "a", 0), again, mail("2", "i", "a", 0)]).await;
    assert!(matches!(verdicts[..], [Recorded::New(_), Recorded::Known, Recorded::New(_)]));
}

async fn mails_without_a_message_id_are_told_apart(store: &dyn Store) {
    let bare = |id| NewEvent { message_id: None, ..mail(id, "i", "a", 0) };
    let verdicts = record(store, vec![bare("1"), bare("2"), bare("1")]).await;
    assert!(matches!(verdicts[..], [Recorded::New(_), Recorded::New(_), Recorded::Known]));
}

async fn what_is_leased_is_what_was_recorded(store: &dyn Store) {
    let text = mail("1", "i", "a", 0);
    let bytes = NewEvent {
        event_id: "evt_2".into(),
        message_id: None,
        inbox_id: None,
        lane: Lane("evt_2".into()),
        kind: EventKind::new("pod.exploded"),
        occurred_at: at(1),
        received_at: at(2),
        body: Bytes::from_static(b"\xff\x00 not text"),
        parked: None,
    };
    record(store, vec![text.clone(), bytes.clone()]).await;
    let leased = lease(store, 5, 10).await;
    for (leased, recorded) in leased.iter().zip([text, bytes]) {
        let event = &leased.event;
        assert_eq!(event.event_id, recorded.event_id);
        assert_eq!(event.message_id, recorded.message_id);
        assert_eq!(event.inbox_id, recorded.inbox_id);
        assert_eq!(event.lane, recorded.lane);
        assert_eq!(event.kind, recorded.kind);
        assert_eq!(event.occurred_at, recorded.occurred_at);
        assert_eq!(event.received_at, recorded.received_at);
        assert_eq!(event.body, recorded.body);
    }
    assert_eq!(leased.len(), 2);
}

async fn a_bookmark_moves_with_its_events(store: &dyn Store) {
    assert_eq!(store.bookmark("socket").await.unwrap(), None);
    let moved = |value| Some(Bookmark::new("socket", value));
    store.record(vec![mail("1", "i", "a", 0).into()], moved("evt_1")).await.unwrap();
    assert_eq!(store.bookmark("socket").await.unwrap().as_deref(), Some("evt_1"));
    store.record(Vec::new(), moved("evt_9")).await.unwrap();
    store.record(Vec::new(), Some(Bookmark::new("other", "x"))).await.unwrap();
    assert_eq!(store.bookmark("socket").await.unwrap().as_deref(), Some("evt_9"));
}

async fn what_arrives_parked_is_never_leased(store: &dyn Store) {
    let parked = NewEvent { parked: Some("not JSON".into()), ..mail("1", "i", "a", 0) };
    record(store, vec![parked, mail("2", "i", "a", 1)]).await;
    assert_eq!(ids(&lease(store, 5, 10).await), ["2"]);
    assert_eq!(store.census().await.unwrap().parked, 1);
}

async fn what_is_settled_for_good_is_never_leased_again(store: &dyn Store) {
    let ends = [
        EventOutcome::Done,
        EventOutcome::Dead { error: "panicked".into() },
        EventOutcome::Parked { reason: "spam".into() },
    ];
    for (n, end) in ends.into_iter().enumerate() {
        record(store, vec![mail(&n.to_string(), "i", "a", 0)]).await;
        settle(store, &lease_one(store, 1).await, end, 2).await;
        let leases = store.lease(lease_request(10_000, 10)).await.unwrap();
        assert!(leases.events.is_empty() && leases.next_due.is_none());
    }
    let census = store.census().await.unwrap();
    assert_eq!((census.done, census.dead, census.parked, census.waiting), (1, 1, 1, 0));
}

async fn a_lease_is_settled_once(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let leased = lease_one(store, 1).await;
    settle(store, &leased, retry(2), 1).await;
    let again = store.settle(settlement(&leased.lease, EventOutcome::Done, 2)).await.unwrap_err();
    assert_eq!(*again.kind(), StoreErrorKind::LeaseLost);
    assert_eq!(store.census().await.unwrap().waiting, 1);
}

async fn a_lost_lease_changes_nothing(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let stale = lease_one(store, 0).await;
    beats("other", store, 0..=60).await;
    let current = lease_as("other", store, 60, 1).await.remove(0);
    let note = Note { scope: step(current.lease.seq, "s"), value: Bytes::from_static(b"1") };
    let settlement = Settlement {
        sends: vec![reply("k", "i", "t")],
        notes: vec![note.clone()],
        ..settlement(&stale.lease, EventOutcome::Done, 61)
    };
    let refused = [
        store.settle(settlement).await,
        store.owe(&stale.lease, vec![reply("k", "i", "t")]).await,
        store.remember(&stale.lease, note.clone()).await,
    ];
    assert!(refused.iter().all(|result| *result.as_ref().unwrap_err().kind() == StoreErrorKind::LeaseLost));
    assert_eq!(state(store, "k").await, None);
    assert_eq!(store.recall(&note.scope).await.unwrap(), None);
    settle(store, &current, EventOutcome::Done, 61).await;
}

async fn a_crash_and_a_retry_count_as_attempts_and_a_deferral_does_not(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    assert_eq!(lease_one(store, 0).await.attempt, 1);
    beats("other", store, 0..=60).await;
    let after_crash = lease_as("other", store, 60, 1).await.remove(0);
    assert_eq!(after_crash.attempt, 2);
    settle(store, &after_crash, retry(70), 61).await;
    let after_retry = lease_one(store, 70).await;
    assert_eq!(after_retry.attempt, 3);
    settle(store, &after_retry, EventOutcome::Defer { at: at(80) }, 71).await;
    assert!(lease(store, 79, 1).await.is_empty());
    assert_eq!(lease_one(store, 80).await.attempt, 3);
}

async fn notes_are_read_back(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let lease = lease_one(store, 1).await.lease;
    let seq = lease.seq;
    let thread = |name: &str| NoteScope::Thread { thread_id: "thr".into(), name: name.into() };
    let scopes = [step(seq, "a"), step(seq, "b"), thread("a"), thread("b")];
    for (scope, value) in scopes.iter().zip(["1", "2", "3", "4"]) {
        let note = Note { scope: scope.clone(), value: Bytes::from_static(b"before") };
        store.remember(&lease, note.clone()).await.unwrap();
        store.remember(&lease, Note { value: value.into(), ..note }).await.unwrap();
    }
    for (scope, value) in scopes.iter().zip(["1", "2", "3", "4"]) {
        assert_eq!(store.recall(scope).await.unwrap().as_deref(), Some(value.as_bytes()));
    }
    assert_eq!(store.recall(&thread("c")).await.unwrap(), None);
}

async fn settling_commits_sends_and_notes_together(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let lease = lease_one(store, 1).await.lease;
    let scope = NoteScope::Thread { thread_id: "thr".into(), name: "seen".into() };
    let settlement = Settlement {
        sends: vec![reply("k1", "i", "t"), reply("k2", "i", "t")],
        notes: vec![Note { scope: scope.clone(), value: "true".into() }],
        ..settlement(&lease, retry(9), 2)
    };
    store.settle(settlement).await.unwrap();
    assert_eq!(store.recall(&scope).await.unwrap().as_deref(), Some(&b"true"[..]));
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.leased, census.owed), (1, 0, 2));
}

fn step(seq: EventSeq, name: &str) -> NoteScope {
    NoteScope::Step { seq, name: name.into() }
}

use super::fixture::*;
use crate::clock::after;
use crate::model::Body;
use crate::store::{
    EventOutcome, KEY_LIFE, KEY_MARGIN, NewSend, Recorded, ReserveRequest, SendOutcome, SendSettlement,
    SendState, Settlement, Store, StoreErrorKind,
};

checks![
    a_key_keeps_its_first_words,
    a_draft_comes_back_whole,
    a_send_is_owed_and_then_sent,
    a_thread_leaves_in_order,
    sends_without_a_thread_do_not_wait_for_one_another,
    a_flood_of_sends_costs_other_inboxes_nothing,
    what_another_inbox_owes_waits_for_who_serves_it,
    a_retry_keeps_key_words_and_first_attempt,
    a_lost_reservation_changes_nothing,
    what_is_stopped_is_never_sent,
    nothing_is_attempted_past_the_life_of_its_key,
    news_of_an_expired_send_is_recorded_with_its_failure,
    a_key_is_no_younger_for_a_clock_that_ran_ahead,
    a_refusal_does_not_use_up_the_life_of_its_key,
    news_of_a_failure_is_recorded_with_it,
];

async fn a_key_keeps_its_first_words(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 0)]).await;
    let leased = lease_one(store, 0).await;
    store.owe(&leased.lease, vec![reply("k", "i", "t")]).await.unwrap();
    let mut rewritten = reply("k", "i", "t");
    rewritten.draft.body = Body::Text("other words".into());
    store.owe(&leased.lease, vec![rewritten.clone()]).await.unwrap();
    let settlement = Settlement {
        sends: vec![rewritten.clone(), rewritten],
        ..settlement(&leased.lease, EventOutcome::Done, 1)
    };
    store.settle(settlement).await.unwrap();
    assert_eq!(store.census().await.unwrap().owed, 1);
    assert_eq!(reserve_one(store, 2).await.send.draft.body, Body::Text("k".into()));
}

async fn a_draft_comes_back_whole(store: &dyn Store) {
    // One that is large may be written in another way.
    static LARGE: [u8; 2 * 1024 * 1024] = [7; 2 * 1024 * 1024];
    let mut whole = with_attachment(with_attachment(reply("k", "i", "t"), b"\x00\xff"), &LARGE);
    whole.draft.subject = Some("Hello".into());
    whole.draft.recipients.cc = vec!["\"Lovelace, Bob\" <bob@example.com>".parse().unwrap()];
    whole.draft.body = Body::Both { text: "a".into(), html: "<p>a</p>".into() };
    whole.draft.reply_to = Some("desk@example.com".parse().unwrap());
    whole.draft.include_quote = false;
    owe(store, 0, vec![whole.clone()]).await;
    let NewSend { key, inbox_id, pod_id, handler, draft, stopped } = reserve_one(store, 1).await.send;
    assert_eq!((key, inbox_id, pod_id), (whole.key, whole.inbox_id, whole.pod_id));
    assert_eq!((handler, stopped), (whole.handler, None));
    assert_eq!(draft, whole.draft);
}

async fn a_send_is_owed_and_then_sent(store: &dyn Store) {
    assert_eq!(state(store, "k").await, None);
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    assert_eq!(state(store, "k").await, Some(SendState::Owed));
    let reservation = reserve_one(store, 1).await;
    assert_eq!((reservation.attempt, reservation.first_attempt_at), (1, at(1)));
    assert_eq!(state(store, "k").await, Some(SendState::Owed));
    answer(store, &reservation, sent(), 2).await;
    let expected =
        SendState::Sent { message_id: Some("msg_sent".into()), thread_id: Some("thr_sent".into()) };
    assert_eq!(state(store, "k").await, Some(expected));
    assert!(reserve(store, 900, 10).await.sends.is_empty());
    assert_eq!(store.census().await.unwrap().sent, 1);
}

async fn a_thread_leaves_in_order(store: &dyn Store) {
    owe(store, 0, vec![reply("1", "i", "t"), reply("2", "i", "t"), reply("other", "i", "u")]).await;
    let first = reserve(store, 1, 10).await.sends;
    assert_eq!(keys(&first), ["1", "other"]);
    answer(store, &first[0], lost(20), 2).await;
    assert!(reserve(store, 19, 10).await.sends.is_empty(), "2 waits for 1");
    let again = reserve_one(store, 20).await;
    assert_eq!(again.send.key.as_str(), "1");
    answer(store, &again, SendOutcome::Failed { error: "refused".into() }, 21).await;
    assert_eq!(keys(&reserve(store, 22, 10).await.sends), ["2"]);
}

async fn sends_without_a_thread_do_not_wait_for_one_another(store: &dyn Store) {
    owe(store, 0, vec![reply("1", "i", ""), reply("2", "i", "")]).await;
    assert_eq!(keys(&reserve(store, 1, 10).await.sends), ["1", "2"]);
}

async fn a_flood_of_sends_costs_other_inboxes_nothing(store: &dyn Store) {
    let flood = (0..40).map(|n| reply(&format!("flood-{n}"), "flooded", ""));
    owe(store, 0, flood.collect()).await;
    owe(store, 0, vec![reply("x", "x", ""), reply("y", "y", "")]).await;
    let sends = reserve(store, 1, 4).await.sends;
    assert!(keys(&sends).contains(&"x") && keys(&sends).contains(&"y"));
    assert_eq!(sends.len(), 4);
}

async fn what_another_inbox_owes_waits_for_who_serves_it(store: &dyn Store) {
    let in_no_pod = NewSend { pod_id: None, ..reply("i2", "i", "t3") };
    owe(store, 0, vec![reply("j1", "j", "t1"), reply("i1", "i", "t2"), in_no_pod, reply("j2", "j", "t4")])
        .await;
    let of = async |inbox: &str, now, limit| {
        let request = ReserveRequest { inbox: Some(inbox.into()), ..reserve_request(now, limit) };
        store.reserve(request).await.unwrap()
    };
    assert!(of("nobody's", 1, 10).await.sends.is_empty());
    let mut mine = of("i", 1, 10).await.sends;
    mine.sort_by(|a, b| a.send.key.as_str().cmp(b.send.key.as_str()));
    assert_eq!(keys(&mine), ["i1", "i2"], "in a pod or not");
    let theirs = of("j", 1, 1).await.sends.remove(0);
    store.settle_send(answered(&theirs, lost(20), 2)).await.unwrap();
    assert_eq!(of("i", 3, 10).await.next_due, None, "when others' are due is of no account");
    assert_eq!(keys(&of("j", 3, 10).await.sends), ["j2"]);
    assert_eq!(of("j", 3, 10).await.next_due, Some(at(20)));
    assert_eq!(
        keys(&reserve(store, 20, 10).await.sends),
        ["j1"],
        "who serves every inbox takes what is left"
    );
}

async fn a_retry_keeps_key_words_and_first_attempt(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    answer(store, &reserve_one(store, 1).await, lost(50), 2).await;
    let waiting = reserve(store, 49, 1).await;
    assert!(waiting.sends.is_empty());
    assert_eq!(waiting.next_due, Some(at(50)));
    let again = reserve_one(store, 50).await;
    assert_eq!((again.attempt, again.first_attempt_at), (2, at(1)));
    assert_eq!((again.send.key.as_str(), again.send.draft.body), ("k", Body::Text("k".into())));
}

async fn a_lost_reservation_changes_nothing(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    let stale = reserve_one(store, 0).await;
    beats("other", store, 0..=30).await;
    let current = reserve_as("other", store, 30, 1).await.sends.remove(0);
    let with_news = SendSettlement { news: Some(mail("news", "i", "n", 0)), ..answered(&stale, sent(), 31) };
    let refused = store.settle_send(with_news).await.unwrap_err();
    assert_eq!(*refused.kind(), StoreErrorKind::LeaseLost);
    assert_eq!(state(store, "k").await, Some(SendState::Owed));
    assert_eq!(store.census().await.unwrap().waiting, 0);
    answer(store, &current, sent(), 32).await;
    let twice = store.settle_send(answered(&current, sent(), 33)).await.unwrap_err();
    assert_eq!(*twice.kind(), StoreErrorKind::LeaseLost);
}

async fn what_is_stopped_is_never_sent(store: &dyn Store) {
    let stopped = NewSend { stopped: Some("a loop".into()), ..reply("k", "i", "t") };
    owe(store, 0, vec![stopped, reply("next", "i", "t")]).await;
    assert_eq!(keys(&reserve(store, 1, 10).await.sends), ["next"]);
    assert_eq!(state(store, "k").await, Some(SendState::Stopped { reason: "a loop".into() }));
    assert_eq!(store.census().await.unwrap().failed, 1);
}

async fn nothing_is_attempted_past_the_life_of_its_key(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t"), reply("next", "i", "t")]).await;
    answer(store, &reserve_one(store, 0).await, lost(10), 1).await;
    let end = i64::try_from((KEY_LIFE - KEY_MARGIN).as_secs()).unwrap();
    let last = reserve(store, end - 1, 10).await;
    assert_eq!(keys(&last.sends), ["k"], "until then it may be attempted");
    answer(store, &last.sends[0], lost(end), end - 1).await;
    let reserved = reserve(store, end, 10).await;
    assert_eq!(keys(&reserved.sends), ["next"]);
    let expired: Vec<_> = reserved.expired.iter().map(|send| send.key.as_str()).collect();
    assert_eq!(expired, ["k"]);
    assert!(matches!(state(store, "k").await, Some(SendState::Failed { .. })));
}

async fn a_key_is_no_younger_for_a_clock_that_ran_ahead(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    answer(store, &reserve_one(store, 3_600).await, lost(3_620), 3_600).await;
    assert!(reserve(store, 10, 10).await.sends.is_empty());
    let again = reserve_one(store, 30).await;
    assert!(again.first_attempt_at <= at(10), "{}", again.first_attempt_at);
    answer(store, &again, lost(60), 30).await;
    let now = after(at(10), KEY_LIFE - KEY_MARGIN);
    let reserved = store.reserve(ReserveRequest { now, ..reserve_request(0, 10) }).await.unwrap();
    assert_eq!((reserved.sends.len(), reserved.expired.len()), (0, 1));
}

async fn news_of_an_expired_send_is_recorded_with_its_failure(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t"), reply("next", "i", "t")]).await;
    answer(store, &reserve_one(store, 0).await, lost(10), 1).await;
    let now = after(at(0), KEY_LIFE);
    let news = |send: &NewSend, _| Some(mail(&format!("news of {}", send.key), "i", "n", 2));
    let request = ReserveRequest { now, news, ..reserve_request(0, 10) };
    store.reserve(request).await.unwrap();
    assert_eq!(ids(&lease(store, 3, 10).await), ["news of k"]);
}

async fn a_refusal_does_not_use_up_the_life_of_its_key(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    let day = 24 * 60 * 60;
    answer(store, &reserve_one(store, 0).await, refused(day), 1).await;
    let again = reserve_one(store, day).await;
    assert_eq!(again.first_attempt_at, at(day));
    answer(store, &again, lost(day + 60), day + 1).await;
    let third = reserve_one(store, day + 60).await;
    answer(store, &third, refused(day + 120), day + 61).await;
    assert_eq!(reserve_one(store, day + 120).await.first_attempt_at, at(day), "one may have been taken");
}

async fn news_of_a_failure_is_recorded_with_it(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    let failed = answered(&reserve_one(store, 1).await, SendOutcome::Failed { error: "bounced".into() }, 2);
    let with_news = SendSettlement { news: Some(mail("news", "i", "n", 2)), ..failed };
    store.settle_send(with_news).await.unwrap();
    assert_eq!(state(store, "k").await, Some(SendState::Failed { error: "bounced".into() }));
    assert_eq!(record(store, vec![mail("news", "i", "n", 2)]).await, [Recorded::Known]);
    assert_eq!(ids(&lease(store, 3, 1).await), ["news"]);
}

use super::fixture::*;
use crate::store::{Hold, HoldScope, SendOutcome, SendSettlement, Store};

checks![
    a_held_inbox_sends_nothing_until_released,
    a_held_pod_holds_its_inboxes,
    a_held_account_holds_everything,
    a_hold_lapses,
    newer_news_counts_however_long_the_older_would_have_lasted,
    of_two_holds_of_one_moment_the_longer_stands,
    news_in_the_wrong_order_changes_nothing,
    an_answer_can_hold,
    what_is_held_loses_neither_order_nor_place,
    a_hold_by_a_clock_that_ran_ahead_can_be_released_and_lasts_no_longer,
];

/// After all that happens here.
const IN_THE_END: i64 = 1_000_000;

fn hold(scope: HoldScope, since: i64) -> Hold {
    Hold::new(scope, at(since), at(IN_THE_END), "suspended")
}

fn inbox(id: &str) -> HoldScope {
    HoldScope::Inbox(id.into())
}

async fn may_go(store: &dyn Store, now: i64) -> Vec<String> {
    let sends = reserve(store, now, 10).await.sends;
    for reservation in &sends {
        answer(store, reservation, refused(now), now).await;
    }
    let mut keys: Vec<_> = keys(&sends).into_iter().map(str::to_owned).collect();
    keys.sort_unstable();
    keys
}

async fn a_held_inbox_sends_nothing_until_released(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t"), reply("j", "j", "u")]).await;
    store.hold(hold(inbox("i"), 1)).await.unwrap();
    assert_eq!(may_go(store, 2).await, ["j"]);
    store.release(&inbox("i"), at(3)).await.unwrap();
    assert_eq!(may_go(store, 4).await, ["i", "j"]);
}

async fn a_held_pod_holds_its_inboxes(store: &dyn Store) {
    let mut elsewhere = reply("j", "j", "u");
    elsewhere.pod_id = None;
    owe(store, 0, vec![reply("i", "i", "t"), elsewhere]).await;
    let pod = HoldScope::Pod("pod".into());
    store.hold(hold(pod.clone(), 1)).await.unwrap();
    assert_eq!(may_go(store, 2).await, ["j"]);
    store.release(&pod, at(3)).await.unwrap();
    assert_eq!(may_go(store, 4).await, ["i", "j"]);
}

async fn a_held_account_holds_everything(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t"), reply("j", "j", "u")]).await;
    store.hold(hold(HoldScope::Account, 1)).await.unwrap();
    let held = reserve(store, 2, 10).await;
    assert!(held.sends.is_empty());
    assert_eq!(held.next_due, Some(at(IN_THE_END)));
    store.release(&inbox("i"), at(3)).await.unwrap();
    assert!(may_go(store, 4).await.is_empty());
    store.release(&HoldScope::Account, at(5)).await.unwrap();
    assert_eq!(may_go(store, 6).await, ["i", "j"]);
}

async fn a_hold_lapses(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t")]).await;
    store.hold(Hold { until: at(100), ..hold(inbox("i"), 1) }).await.unwrap();
    let held = reserve(store, 99, 10).await;
    assert!(held.sends.is_empty());
    assert_eq!(held.next_due, Some(at(100)));
    assert_eq!(may_go(store, 100).await, ["i"]);
}

async fn newer_news_counts_however_long_the_older_would_have_lasted(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t")]).await;
    store.hold(hold(inbox("i"), 1)).await.unwrap();
    store.hold(Hold { until: at(100), ..hold(inbox("i"), 2) }).await.unwrap();
    store.release(&inbox("i"), at(1)).await.unwrap();
    assert!(may_go(store, 99).await.is_empty(), "the release is older");
    assert_eq!(may_go(store, 100).await, ["i"]);
    store.hold(hold(inbox("i"), 101)).await.unwrap();
    assert!(may_go(store, 500).await.is_empty());
}

async fn of_two_holds_of_one_moment_the_longer_stands(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t")]).await;
    for until in [100, 50] {
        store.hold(Hold { until: at(until), ..hold(inbox("i"), 1) }).await.unwrap();
    }
    assert!(may_go(store, 60).await.is_empty());
    assert_eq!(may_go(store, 100).await, ["i"]);
}

async fn news_in_the_wrong_order_changes_nothing(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t")]).await;
    store.hold(hold(inbox("i"), 20)).await.unwrap();
    store.release(&inbox("i"), at(10)).await.unwrap();
    assert!(may_go(store, 30).await.is_empty(), "the older release came late");
    store.release(&inbox("i"), at(40)).await.unwrap();
    store.hold(hold(inbox("i"), 35)).await.unwrap();
    assert_eq!(may_go(store, 50).await, ["i"], "the older hold came late");
    store.hold(hold(inbox("i"), 60)).await.unwrap();
    assert!(may_go(store, 70).await.is_empty());
}

async fn an_answer_can_hold(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t"), reply("next", "i", "u")]).await;
    let outcome = SendOutcome::Retry { at: at(2), counted: false, error: "reputation_suspended".into() };
    let answer = answered(&reserve_one(store, 0).await, outcome, 1);
    store.settle_send(SendSettlement { hold: Some(hold(inbox("i"), 1)), ..answer }).await.unwrap();
    assert!(may_go(store, 10).await.is_empty());
    store.release(&inbox("i"), at(20)).await.unwrap();
    assert_eq!(may_go(store, 21).await, ["i", "next"]);
}

async fn what_is_held_loses_neither_order_nor_place(store: &dyn Store) {
    owe(store, 0, vec![reply("1", "i", "t"), reply("2", "i", "t")]).await;
    store.hold(hold(inbox("i"), 1)).await.unwrap();
    assert!(reserve(store, 2, 10).await.sends.is_empty());
    assert_eq!(left_in_minute(store, "i", 2).await, 10);
    store.release(&inbox("i"), at(3)).await.unwrap();
    assert_eq!(keys(&reserve(store, 4, 10).await.sends), ["1"]);
}

async fn a_hold_by_a_clock_that_ran_ahead_can_be_released_and_lasts_no_longer(store: &dyn Store) {
    owe(store, 0, vec![reply("i", "i", "t"), reply("j", "j", "u")]).await;
    assert!(reserve(store, 86_400, 0).await.sends.is_empty(), "a day ahead");
    for id in ["i", "j"] {
        store.hold(Hold { until: at(87_300), ..hold(inbox(id), 86_400) }).await.unwrap();
    }
    let held = reserve(store, 10, 10).await;
    assert!(held.sends.is_empty());
    assert_eq!(held.next_due, Some(at(910)));
    store.release(&inbox("i"), at(20)).await.unwrap();
    assert_eq!(keys(&reserve(store, 21, 10).await.sends), ["i"]);
    assert_eq!(keys(&reserve(store, 910, 10).await.sends), ["j"]);
}

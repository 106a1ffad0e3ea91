use std::collections::HashSet;

use futures_util::future::join_all;

use super::fixture::*;
use crate::store::{EventOutcome, LeaseRequest, NewEvent, Store, StoreErrorKind};

checks![
    a_lane_goes_one_at_a_time_oldest_first,
    equally_old_ones_go_in_the_order_they_came,
    a_lane_waits_for_its_first,
    an_older_one_that_comes_late_goes_first,
    an_older_one_that_comes_during_a_lease_is_noticed,
    a_dead_first_lets_its_lane_go_on,
    a_clock_that_is_set_back_ends_no_wait,
    what_waits_by_a_clock_that_ran_ahead_waits_no_longer,
    the_next_due_is_the_earliest_that_waits_for_a_time,
    a_flood_in_one_inbox_costs_the_others_nothing,
    an_inbox_has_no_more_than_its_share,
    no_more_than_the_limit_is_leased,
    news_without_an_inbox_is_leased_too,
    what_is_of_another_inbox_waits_for_who_serves_it,
    what_is_of_another_inbox_is_not_waited_for,
    two_who_ask_at_once_never_get_the_same,
];

async fn a_lane_goes_one_at_a_time_oldest_first(store: &dyn Store) {
    record(store, vec![mail("3", "i", "a", 3), mail("1", "i", "a", 1), mail("2", "i", "a", 2)]).await;
    for id in ["1", "2", "3"] {
        let leased = lease(store, 10, 10).await;
        assert_eq!(ids(&leased), [id]);
        settle(store, &leased[0], EventOutcome::Done, 10).await;
    }
}

async fn equally_old_ones_go_in_the_order_they_came(store: &dyn Store) {
    record(store, vec![mail("b", "i", "a", 1), mail("a", "i", "a", 1)]).await;
    let first = lease_one(store, 5).await;
    assert_eq!(ids(std::slice::from_ref(&first)), ["b"]);
}

async fn a_lane_waits_for_its_first(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2), mail("other", "i", "b", 3)]).await;
    let first = lease_one(store, 5).await;
    settle(store, &first, retry(30), 5).await;
    assert_eq!(ids(&lease(store, 29, 10).await), ["other"]);
    let again = lease_one(store, 30).await;
    assert_eq!(ids(std::slice::from_ref(&again)), ["1"]);
    settle(store, &again, EventOutcome::Done, 30).await;
    assert_eq!(ids(&lease(store, 30, 10).await), ["2"]);
}

async fn an_older_one_that_comes_late_goes_first(store: &dyn Store) {
    record(store, vec![mail("2", "i", "a", 2)]).await;
    settle(store, &lease_one(store, 5).await, retry(30), 5).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let late = lease_one(store, 6).await;
    assert_eq!(ids(std::slice::from_ref(&late)), ["1"]);
    settle(store, &late, EventOutcome::Done, 7).await;
    assert!(lease(store, 29, 1).await.is_empty());
    assert_eq!(ids(&lease(store, 30, 1).await), ["2"]);
}

async fn an_older_one_that_comes_during_a_lease_is_noticed(store: &dyn Store) {
    record(store, vec![mail("2", "i", "a", 2)]).await;
    let leased = lease_one(store, 5).await;
    record(store, vec![mail("3", "i", "a", 3), mail("other", "i", "b", 1)]).await;
    assert!(!store.is_overtaken(&leased.lease).await.unwrap());
    record(store, vec![mail("1", "i", "a", 1)]).await;
    assert!(store.is_overtaken(&leased.lease).await.unwrap());
    settle(store, &leased, EventOutcome::Defer { at: at(5) }, 5).await;
    assert_eq!(*store.is_overtaken(&leased.lease).await.unwrap_err().kind(), StoreErrorKind::LeaseLost);
    assert_eq!(ids(&lease(store, 5, 10).await), ["other", "1"]);
}

async fn a_dead_first_lets_its_lane_go_on(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2)]).await;
    settle(store, &lease_one(store, 5).await, EventOutcome::Dead { error: "gave up".into() }, 5).await;
    assert_eq!(ids(&lease(store, 5, 10).await), ["2"]);
}

async fn a_clock_that_is_set_back_ends_no_wait(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let ahead = lease_one(store, 3600).await;
    settle(store, &ahead, retry(15), 10).await;
    assert!(lease(store, 11, 10).await.is_empty());
    assert_eq!(ids(&lease(store, 15, 10).await), ["1"]);
}

async fn what_waits_by_a_clock_that_ran_ahead_waits_no_longer(store: &dyn Store) {
    owe(store, 3_600, vec![reply("k", "i", "t")]).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    settle(store, &lease_one(store, 3_600).await, retry(3_630), 3_600).await;
    answer(store, &reserve_one(store, 3_600).await, lost(3_630), 3_600).await;
    assert_eq!(store.lease(lease_request(10, 10)).await.unwrap().next_due, Some(at(40)));
    assert_eq!(reserve(store, 10, 10).await.next_due, Some(at(40)));
    assert_eq!(ids(&lease(store, 40, 10).await), ["1"]);
    assert_eq!(keys(&reserve(store, 40, 10).await.sends), ["k"]);
}

async fn the_next_due_is_the_earliest_that_waits_for_a_time(store: &dyn Store) {
    let due = async |now| store.lease(lease_request(now, 10)).await.unwrap().next_due;
    assert_eq!(due(0).await, None);
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2), mail("3", "i", "b", 3)]).await;
    let leased = lease(store, 5, 10).await;
    settle(store, &leased[0], retry(300), 5).await;
    settle(store, &leased[1], EventOutcome::Defer { at: at(200) }, 5).await;
    assert_eq!(due(6).await, Some(at(200)));
    let deferred = lease_one(store, 200).await;
    settle(store, &deferred, EventOutcome::Done, 200).await;
    assert_eq!(due(201).await, Some(at(300)));
}

async fn a_flood_in_one_inbox_costs_the_others_nothing(store: &dyn Store) {
    let flood = (0..50).map(|n| mail(&format!("flood-{n}"), "flooded", &format!("f{n}"), n));
    record(store, flood.collect()).await;
    record(store, vec![mail("x1", "x", "x1", 90), mail("x2", "x", "x2", 91), mail("y", "y", "y", 92)]).await;
    let leased = lease(store, 100, 6).await;
    for id in ["x1", "x2", "y"] {
        assert!(ids(&leased).contains(&id), "{id} waits behind the flood");
    }
    assert_eq!(leased.len(), 6);
}

async fn an_inbox_has_no_more_than_its_share(store: &dyn Store) {
    let events = (0..6).map(|n| mail(&n.to_string(), "i", &format!("l{n}"), n));
    record(store, events.collect()).await;
    record(store, vec![mail("other", "j", "other", 9)]).await;
    let request = |now| LeaseRequest { per_inbox: 2, ..lease_request(now, 10) };
    let first = store.lease(request(20)).await.unwrap().events;
    assert_eq!(first.len(), 3);
    let second = store.lease(request(21)).await.unwrap();
    assert!(second.events.is_empty(), "the share holds over several calls");
    let of_full = first.iter().find(|leased| leased.event.inbox_id == Some("i".into())).unwrap();
    settle(store, of_full, EventOutcome::Done, 22).await;
    assert_eq!(ids(&store.lease(request(22)).await.unwrap().events), ["2"]);
}

async fn no_more_than_the_limit_is_leased(store: &dyn Store) {
    let events = (0..5).map(|n| mail(&n.to_string(), &format!("i{n}"), &format!("l{n}"), n));
    record(store, events.collect()).await;
    assert_eq!(lease(store, 9, 0).await.len(), 0);
    assert_eq!(lease(store, 9, 3).await.len(), 3);
    assert_eq!(lease(store, 9, 3).await.len(), 2);
}

async fn news_without_an_inbox_is_leased_too(store: &dyn Store) {
    record(store, vec![NewEvent { inbox_id: None, ..mail("1", "", "a", 1) }]).await;
    assert_eq!(ids(&lease(store, 5, 1).await), ["1"]);
}

async fn what_is_of_another_inbox_waits_for_who_serves_it(store: &dyn Store) {
    let news = NewEvent { inbox_id: None, ..mail("news", "", "n", 2) };
    let older = (0..5).map(|n| mail(&format!("j{n}"), "j", &format!("j{n}"), 0));
    record(store, older.chain([news, mail("i2", "i", "i", 4), mail("i1", "i", "i", 3)]).collect()).await;
    let of = |inbox: &str, now| LeaseRequest { inbox: Some(inbox.into()), ..lease_request(now, 10) };
    assert!(
        store.lease(of("nobody's", 5)).await.unwrap().events.len() == 1,
        "what is about no inbox is anybody's"
    );
    let first = store.lease(of("i", 5)).await.unwrap().events;
    assert_eq!(ids(&first), ["i1"]);
    settle(store, &first[0], EventOutcome::Done, 6).await;
    assert_eq!(ids(&store.lease(of("i", 6)).await.unwrap().events), ["i2"]);
    let others = store.lease(LeaseRequest { per_inbox: 3, ..of("j", 7) }).await.unwrap().events;
    assert_eq!(ids(&others), ["j0", "j1", "j2"], "the share holds for one inbox too");
    assert_eq!(ids(&lease(store, 8, 10).await), ["j3", "j4"], "who serves every inbox takes what is left");
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.parked), (0, 0));
}

async fn what_is_of_another_inbox_is_not_waited_for(store: &dyn Store) {
    record(store, vec![mail("j", "j", "j", 1), mail("i", "i", "i", 2)]).await;
    for leased in lease(store, 5, 10).await {
        let at = if leased.event.inbox_id == Some("j".into()) { 20 } else { 30 };
        settle(store, &leased, retry(at), 5).await;
    }
    let due = async |inbox: &str, now| {
        let request = LeaseRequest { inbox: Some(inbox.into()), ..lease_request(now, 10) };
        let leases = store.lease(request).await.unwrap();
        (leases.events.len(), leases.next_due)
    };
    assert_eq!(due("i", 6).await, (0, Some(at(30))));
    assert_eq!(due("j", 6).await, (0, Some(at(20))));
    assert_eq!(due("nobody's", 6).await, (0, None));
    assert_eq!(due("i", 25).await, (0, Some(at(30))), "that it is due is of no account to others");
    assert_eq!(due("j", 25).await, (1, None));
    assert_eq!(due("i", 30).await, (1, None));
}

async fn two_who_ask_at_once_never_get_the_same(store: &dyn Store) {
    let events = (0..50).map(|n| mail(&n.to_string(), &format!("i{}", n % 4), &format!("l{n}"), n));
    record(store, events.collect()).await;
    let asked = join_all((0..20).map(|_| store.lease(lease_request(99, 3)))).await;
    let leased: Vec<_> = asked.into_iter().flat_map(|leases| leases.unwrap().events).collect();
    let different: HashSet<_> = leased.iter().map(|leased| leased.lease.seq).collect();
    assert_eq!((leased.len(), different.len()), (50, 50));
}

use super::fixture::*;
use crate::limit::{Lesson, Quotas};
use crate::model::InboxId;
use crate::store::{ReserveRequest, SendSettlement, Store};

checks![
    ten_leave_in_a_minute_and_the_next_waits,
    a_day_ends_at_midnight_utc,
    what_is_in_flight_keeps_its_place,
    a_refusal_gives_its_place_back,
    a_place_given_back_is_taken_at_once,
    a_completed_send_tells_when_the_next_may_go,
    a_lost_answer_keeps_its_place,
    however_often_a_send_is_tried_it_takes_one_place_in_the_day,
    a_send_whose_worker_died_takes_one_place_in_the_day,
    one_inbox_at_its_limit_does_not_hold_up_another,
    a_lesson_of_an_inbox_stops_that_inbox,
    raised_quotas_count_at_once,
    a_clock_that_ran_ahead_silences_no_inbox,
    a_lesson_by_a_clock_that_ran_ahead_lasts_no_longer,
];

async fn owe_many(store: &dyn Store, inbox: &str, count: usize) {
    let sends = (0..count).map(|n| reply(&format!("{inbox}-{n}"), inbox, &format!("{inbox}-{n}")));
    owe(store, 0, sends.collect()).await;
}

async fn ten_leave_in_a_minute_and_the_next_waits(store: &dyn Store) {
    owe_many(store, "i", 12).await;
    for n in 0..10 {
        send_one(store, n).await;
    }
    let full = reserve(store, 10, 10).await;
    assert!(full.sends.is_empty());
    let minute = minute(store);
    assert_eq!(full.next_due, Some(at(minute)));
    assert_eq!(reserve(store, minute, 10).await.sends.len(), 1);
    assert_eq!(reserve(store, minute + 1, 10).await.sends.len(), 1);
}

async fn a_day_ends_at_midnight_utc(store: &dyn Store) {
    owe_many(store, "i", 3).await;
    let quotas = Quotas::new(10, 2);
    let request = |now| ReserveRequest { quotas, ..reserve_request(now, 10) };
    for reservation in store.reserve(request(0)).await.unwrap().sends {
        answer(store, &reservation, sent(), 1).await;
    }
    let midnight = 14 * 3_600 + apart(store);
    assert_eq!(store.reserve(request(3_600)).await.unwrap().next_due, Some(at(midnight)));
    let allowance = store.allowance(&InboxId::from("i"), &quotas, at(3_600)).await.unwrap();
    assert_eq!((allowance.day, allowance.minute, allowance.next_slot), (0, 10, at(midnight)));
    assert_eq!(store.reserve(request(midnight)).await.unwrap().sends.len(), 1);
}

async fn what_is_in_flight_keeps_its_place(store: &dyn Store) {
    owe_many(store, "i", 11).await;
    let in_flight = reserve(store, 0, 20).await.sends;
    assert_eq!(in_flight.len(), 10);
    assert!(reserve(store, 600, 10).await.sends.is_empty());
    answer(store, &in_flight[0], sent(), 601).await;
    let freed = 601 + minute(store);
    assert!(reserve(store, freed - 1, 10).await.sends.is_empty(), "it may have been counted at the very end");
    assert_eq!(reserve(store, freed, 10).await.sends.len(), 1);
}

async fn a_refusal_gives_its_place_back(store: &dyn Store) {
    owe_many(store, "i", 1).await;
    let reservation = reserve_one(store, 0).await;
    assert_eq!(left_in_minute(store, "i", 0).await, 9);
    answer(store, &reservation, refused(5), 1).await;
    assert_eq!(left_in_minute(store, "i", 1).await, 10);
}

async fn a_place_given_back_is_taken_at_once(store: &dyn Store) {
    owe_many(store, "i", 2).await;
    let request = |now| ReserveRequest { quotas: Quotas::new(1, 200), ..reserve_request(now, 10) };
    let first = store.reserve(request(0)).await.unwrap().sends;
    assert_eq!(keys(&first), ["i-0"]);
    assert!(store.reserve(request(1)).await.unwrap().sends.is_empty());
    answer(store, &first[0], refused(600), 2).await;
    assert_eq!(keys(&store.reserve(request(2)).await.unwrap().sends), ["i-1"]);
}

async fn a_completed_send_tells_when_the_next_may_go(store: &dyn Store) {
    owe_many(store, "i", 2).await;
    let request = |now| ReserveRequest { quotas: Quotas::new(1, 200), ..reserve_request(now, 10) };
    let first = store.reserve(request(0)).await.unwrap().sends;
    assert!(store.reserve(request(5)).await.unwrap().sends.is_empty());
    answer(store, &first[0], sent(), 10).await;
    assert_eq!(store.reserve(request(11)).await.unwrap().next_due, Some(at(10 + minute(store))));
}

async fn a_lost_answer_keeps_its_place(store: &dyn Store) {
    owe_many(store, "i", 1).await;
    answer(store, &reserve_one(store, 0).await, lost(5), 1).await;
    assert_eq!(left_in_minute(store, "i", 1).await, 9);
}

async fn however_often_a_send_is_tried_it_takes_one_place_in_the_day(store: &dyn Store) {
    owe_many(store, "i", 1).await;
    for n in 0..5 {
        answer(store, &reserve_one(store, n).await, lost(n + 1), n).await;
        assert_eq!(left_in_day(store, "i", n).await, 199);
    }
    assert_eq!(left_in_minute(store, "i", 5).await, 5, "the service may have counted each");
    answer(store, &reserve_one(store, 5).await, refused(6), 5).await;
    assert_eq!(left_in_day(store, "i", 5).await, 199, "one of those before may have been taken all the same");
    send_one(store, 6).await;
    assert_eq!(left_in_day(store, "i", 7).await, 199);
}

async fn a_send_whose_worker_died_takes_one_place_in_the_day(store: &dyn Store) {
    owe_many(store, "i", 1).await;
    let before = reserve_as("dead", store, 0, 1).await.sends.remove(0);
    beats("w", store, 0..=60).await;
    let after = reserve_one(store, 60).await;
    let late = store.settle_send(answered(&before, sent(), 61)).await;
    assert!(late.is_err(), "another took it over");
    answer(store, &after, lost(62), 61).await;
    assert_eq!(left_in_day(store, "i", 61).await, 199);
    // One that lapsed comes back, and nobody has taken it over.
    let lapsed = reserve_as("slow", store, 62, 1).await.sends.remove(0);
    store.retire(&worker("slow"), at(63)).await.expect("it lapses");
    assert_eq!(left_in_day(store, "i", 63).await, 199);
    answer(store, &lapsed, sent(), 64).await;
    assert_eq!(left_in_day(store, "i", 64).await, 199);
}

async fn one_inbox_at_its_limit_does_not_hold_up_another(store: &dyn Store) {
    owe_many(store, "i", 15).await;
    owe_many(store, "j", 15).await;
    assert_eq!(reserve(store, 0, 100).await.sends.len(), 20);
}

async fn a_lesson_of_an_inbox_stops_that_inbox(store: &dyn Store) {
    owe_many(store, "i", 2).await;
    let lesson = Some(Lesson::new("i", at(40)));
    let refusal = answered(&reserve_one(store, 0).await, refused(40), 1);
    store.settle_send(SendSettlement { lesson, ..refusal }).await.unwrap();
    owe_many(store, "j", 1).await;
    let others = reserve(store, 39, 10).await;
    assert_eq!(keys(&others.sends), ["j-0"]);
    assert_eq!(left_in_minute(store, "i", 39).await, 0);
    answer(store, &others.sends[0], sent(), 39).await;
    assert_eq!(reserve(store, 39, 10).await.next_due, Some(at(40)));
    assert_eq!(reserve(store, 40, 10).await.sends.len(), 2);
}

async fn raised_quotas_count_at_once(store: &dyn Store) {
    owe_many(store, "i", 12).await;
    assert_eq!(reserve(store, 0, 20).await.sends.len(), 10);
    assert_eq!(reserve(store, 1, 20).await.sends.len(), 0);
    let raised = ReserveRequest { quotas: Quotas::new(20, 500), ..reserve_request(2, 20) };
    assert_eq!(store.reserve(raised).await.unwrap().sends.len(), 2);
}

async fn a_clock_that_ran_ahead_silences_no_inbox(store: &dyn Store) {
    owe_many(store, "i", 12).await;
    for n in 0..10 {
        send_one(store, 3_600 + n).await;
    }
    assert!(reserve(store, 3_610, 10).await.sends.is_empty());
    let full = reserve(store, 10, 10).await;
    assert!(full.sends.is_empty(), "when they left is not known: it may have been now");
    assert_eq!(full.next_due, Some(at(10 + minute(store))));
    assert_eq!(reserve(store, 10 + minute(store), 10).await.sends.len(), 2);
}

async fn a_lesson_by_a_clock_that_ran_ahead_lasts_no_longer(store: &dyn Store) {
    owe_many(store, "i", 2).await;
    let refusal = answered(&reserve_one(store, 3_600).await, refused(0), 3_600);
    let lesson = Some(Lesson::new("i", at(3_640)));
    store.settle_send(SendSettlement { lesson, ..refusal }).await.unwrap();
    let stopped = reserve(store, 10, 10).await;
    assert_eq!((stopped.sends.len(), stopped.next_due), (0, Some(at(50))));
    assert_eq!(reserve(store, 50, 10).await.sends.len(), 2);
}

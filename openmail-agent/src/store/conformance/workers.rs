use super::fixture::*;
use crate::store::{ErrorKind, EventOutcome, Reservation, Store};

checks![
    what_a_silent_worker_had_is_due_again_in_order,
    a_worker_that_is_heard_keeps_what_it_has_however_long_it_takes,
    nobody_is_given_its_own_again,
    the_lapse_of_another_is_worth_waiting_for,
    a_worker_learns_whether_it_was_given_up,
    a_silent_worker_that_comes_back_keeps_what_nobody_took,
    what_a_silent_worker_finished_counts_unless_somebody_took_it,
    what_a_silent_worker_was_sending_is_attempted_again,
    a_send_that_nobody_took_is_settled_late_and_counts_once,
    a_worker_that_goes_gives_all_back_at_once,
    of_two_workers_only_the_silent_one_loses,
];

async fn beat(store: &dyn Store, name: &str, now: i64) -> bool {
    store.heartbeat(&worker(name), at(now)).await.unwrap()
}

async fn what_a_silent_worker_had_is_due_again_in_order(store: &dyn Store) {
    record(store, vec![mail("2", "i", "a", 2), mail("1", "i", "a", 1), mail("3", "i", "b", 3)]).await;
    let had = lease(store, 10, 10).await;
    assert_eq!(ids(&had), ["1", "3"]);
    assert!(lease_as("other", store, 17, 10).await.is_empty());
    let taken = lease_as("other", store, 18, 10).await;
    assert_eq!(ids(&taken), ["1", "3"]);
    assert!(taken.iter().all(|leased| leased.attempt == 2), "the crash counts");
    assert_ne!(taken[0].lease.fence, had[0].lease.fence);
    settle(store, &taken[0], EventOutcome::Done, 18).await;
    assert_eq!(ids(&lease_as("other", store, 18, 10).await), ["2"]);
    assert_eq!(store.census().await.unwrap().leased, 2);
}

async fn a_worker_that_is_heard_keeps_what_it_has_however_long_it_takes(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let (leased, reservation) = (lease_one(store, 0).await, reserve_one(store, 0).await);
    for now in (2..600).step_by(2) {
        assert!(beat(store, "w", now).await);
    }
    assert!(lease_as("other", store, 605, 10).await.is_empty());
    assert!(reserve_as("other", store, 605, 10).await.sends.is_empty());
    settle(store, &leased, EventOutcome::Done, 605).await;
    answer(store, &reservation, sent(), 605).await;
}

async fn nobody_is_given_its_own_again(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let (leased, reservation) = (lease_one(store, 0).await, reserve_one(store, 0).await);
    // As after a machine slept: whoever asks is alive.
    assert!(lease(store, 900, 10).await.is_empty());
    assert!(reserve(store, 900, 10).await.sends.is_empty());
    assert!(lease_as("other", store, 905, 10).await.is_empty());
    assert!(reserve_as("other", store, 905, 10).await.sends.is_empty());
    settle(store, &leased, EventOutcome::Done, 905).await;
    answer(store, &reservation, sent(), 905).await;
}

async fn the_lapse_of_another_is_worth_waiting_for(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    lease_one(store, 10).await;
    reserve_one(store, 10).await;
    assert_eq!(store.lease(lease_request(11, 10)).await.unwrap().next_due, None, "not one's own");
    let waiting = store.lease(lease_request_of("other", 12, 10)).await.unwrap();
    assert_eq!(waiting.next_due, Some(at(18)));
    assert_eq!(reserve_as("other", store, 12, 10).await.next_due, Some(at(18)));
}

async fn a_worker_learns_whether_it_was_given_up(store: &dyn Store) {
    assert!(!beat(store, "w", 0).await, "it is new");
    assert!(beat(store, "w", 7).await);
    assert!(!beat(store, "w", 15).await);
    assert!(beat(store, "w", 16).await);
    store.retire(&worker("w"), at(17)).await.unwrap();
    assert!(!beat(store, "w", 18).await);
}

async fn a_silent_worker_that_comes_back_keeps_what_nobody_took(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let leased = lease_one(store, 0).await;
    assert!(!beat(store, "w", 100).await);
    assert!(lease_as("other", store, 107, 10).await.is_empty());
    settle(store, &leased, EventOutcome::Done, 107).await;
}

async fn what_a_silent_worker_finished_counts_unless_somebody_took_it(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "b", 2)]).await;
    let had = lease(store, 0, 10).await;
    let taken = lease_as("other", store, 8, 1).await;
    assert_eq!(ids(&taken), ["1"]);
    assert_eq!(store.census().await.unwrap().leased, 1, "the second is known to be free");
    let refused = store.settle(settlement(&had[0].lease, EventOutcome::Done, 9)).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::LeaseLost);
    settle(store, &had[1], EventOutcome::Done, 9).await;
    settle(store, &taken[0], EventOutcome::Done, 9).await;
    assert_eq!(store.census().await.unwrap().done, 2);
}

async fn take_over(store: &dyn Store, now: i64) -> Vec<Reservation> {
    reserve_as("other", store, now, 10).await.sends
}

async fn what_a_silent_worker_was_sending_is_attempted_again(store: &dyn Store) {
    owe(store, 0, vec![reply("1", "i", "t"), reply("2", "i", "t")]).await;
    let lost = reserve_one(store, 0).await;
    assert!(take_over(store, 7).await.is_empty());
    let again = take_over(store, 8).await;
    assert_eq!(keys(&again), ["1"], "the thread keeps its order");
    assert_eq!((again[0].seq, again[0].attempt, again[0].first_attempt_at), (lost.seq, 2, at(0)));
    // Both count: whether the service saw the first is not known.
    assert_eq!(left_in_minute(store, "i", 8).await, 8);
    let refused = store.settle_send(answered(&lost, sent(), 9)).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::LeaseLost);
    answer(store, &again[0], sent(), 9).await;
    assert_eq!(left_in_minute(store, "i", 9).await, 8, "what came too late is not counted once more");
    assert_eq!(left_in_minute(store, "i", 8 + minute(store)).await, 9);
    assert_eq!(keys(&take_over(store, 10).await), ["2"]);
}

async fn a_send_that_nobody_took_is_settled_late_and_counts_once(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    let reservation = reserve_one(store, 0).await;
    let found = reserve_as("other", store, 8, 0).await;
    assert!(found.sends.is_empty());
    assert_eq!(left_in_minute(store, "i", 8).await, 9);
    answer(store, &reservation, sent(), 9).await;
    assert_eq!(left_in_minute(store, "i", 9).await, 9);
    assert!(take_over(store, 100).await.is_empty());
}

async fn a_worker_that_goes_gives_all_back_at_once(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    record(store, vec![mail("1", "i", "a", 1)]).await;
    let (leased, reservation) = (lease_one(store, 1).await, reserve_one(store, 1).await);
    store.retire(&worker("w"), at(2)).await.unwrap();
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.leased), (1, 0));
    let taken = lease_as("other", store, 2, 10).await;
    assert_eq!((taken[0].lease.seq, taken[0].attempt), (leased.lease.seq, 2));
    let again = take_over(store, 2).await;
    assert_eq!((again[0].seq, again[0].attempt), (reservation.seq, 2));
    store.retire(&worker("nobody"), at(3)).await.unwrap();
    settle(store, &taken[0], EventOutcome::Done, 3).await;
}

async fn of_two_workers_only_the_silent_one_loses(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "b", 2)]).await;
    let silent = lease_one(store, 0).await;
    let heard = lease_as("heard", store, 0, 1).await;
    assert!(beat(store, "heard", 5).await);
    let taken = lease_as("third", store, 9, 10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].lease.seq, silent.lease.seq);
    settle(store, &heard[0], EventOutcome::Done, 9).await;
}

use super::fixture::*;
use crate::store::{EventOutcome, LONG_SILENCE, Leased, Reservation, Store, StoreErrorKind};

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
    after_a_common_silence_nobody_loses_what_it_has,
    who_is_not_heard_again_after_a_common_silence_is_given_up_a_life_later,
    after_a_short_silence_nobody_is_taken_for_dead_who_is_heard_a_little_later,
    a_worker_that_comes_after_the_last_one_died_takes_over_a_life_later,
    a_worker_that_comes_right_after_another_died_knows_what_that_one_knew,
    who_was_silent_for_long_when_a_worker_came_is_given_up_at_once,
    who_goes_takes_nothing_from_those_who_were_silent_with_it,
    a_beat_by_a_clock_that_ran_ahead_keeps_nobody_from_being_given_up,
];

async fn beat(store: &dyn Store, name: &str, now: i64) -> bool {
    store.heartbeat(&worker(name), at(now)).await.unwrap()
}

async fn what_a_silent_worker_had_is_due_again_in_order(store: &dyn Store) {
    record(store, vec![mail("2", "i", "a", 2), mail("1", "i", "a", 1), mail("3", "i", "b", 3)]).await;
    let had = lease(store, 10, 10).await;
    assert_eq!(ids(&had), ["1", "3"]);
    beats("other", store, 10..=18).await;
    assert!(lease_as("other", store, 17, 10).await.is_empty());
    let taken = lease_as("other", store, 18, 10).await;
    assert_eq!(ids(&taken), ["1", "3"]);
    assert!(taken.iter().all(|leased| leased.attempt == 2), "the crash counts");
    assert_ne!(taken[0].lease.fence, had[0].lease.fence);
    settle(store, &taken[0], EventOutcome::Done, 18).await;
    assert_eq!(ids(&lease_as("other", store, 18, 10).await), ["2"]);
    assert_eq!(store.census().await.unwrap().leased, 2);
}

async fn a_beat_by_a_clock_that_ran_ahead_keeps_nobody_from_being_given_up(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1)]).await;
    lease_one(store, 0).await;
    beats("other", store, 0..=20).await;
    beats("other", store, 3_620..=3_620).await;
    beats("other", store, 22..=60).await;
    assert_eq!(ids(&lease_as("other", store, 60, 10).await), ["1"]);
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
    beats("other", store, 0..=8).await;
    let taken = lease_as("other", store, 8, 1).await;
    assert_eq!(ids(&taken), ["1"]);
    assert_eq!(store.census().await.unwrap().leased, 1, "the second is known to be free");
    let refused = store.settle(settlement(&had[0].lease, EventOutcome::Done, 9)).await.unwrap_err();
    assert_eq!(*refused.kind(), StoreErrorKind::LeaseLost);
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
    beats("other", store, 0..=8).await;
    assert!(take_over(store, 7).await.is_empty());
    let again = take_over(store, 8).await;
    assert_eq!(keys(&again), ["1"], "the thread keeps its order");
    assert_eq!((again[0].seq, again[0].attempt, again[0].first_attempt_at), (lost.seq, 2, at(0)));
    // Both count: whether the service saw the first is not known.
    assert_eq!(left_in_minute(store, "i", 8).await, 8);
    let refused = store.settle_send(answered(&lost, sent(), 9)).await.unwrap_err();
    assert_eq!(*refused.kind(), StoreErrorKind::LeaseLost);
    answer(store, &again[0], sent(), 9).await;
    assert_eq!(left_in_minute(store, "i", 9).await, 8, "what came too late is not counted once more");
    assert_eq!(left_in_minute(store, "i", 8 + minute(store)).await, 9);
    assert_eq!(keys(&take_over(store, 10).await), ["2"]);
}

async fn a_send_that_nobody_took_is_settled_late_and_counts_once(store: &dyn Store) {
    owe(store, 0, vec![reply("k", "i", "t")]).await;
    let reservation = reserve_one(store, 0).await;
    beats("other", store, 0..=8).await;
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
    beats("third", store, 0..=8).await;
    let taken = lease_as("third", store, 9, 10).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].lease.seq, silent.lease.seq);
    settle(store, &heard[0], EventOutcome::Done, 9).await;
}

/// Two workers with an event and a send each, who have been heard for long.
async fn two_at_work(store: &dyn Store) -> (Vec<Leased>, Vec<Reservation>) {
    owe(store, 0, vec![reply("1", "i", "t"), reply("2", "i", "u")]).await;
    record(store, vec![mail("1", "i", "a", 1), mail("2", "i", "b", 2)]).await;
    for seconds in (0..=20).step_by(2) {
        beats("w", store, seconds..=seconds).await;
        beats("other", store, seconds..=seconds).await;
    }
    let (mut leased, mut reserved) = (lease(store, 20, 1).await, reserve(store, 20, 1).await.sends);
    leased.extend(lease_as("other", store, 20, 1).await);
    reserved.extend(reserve_as("other", store, 20, 1).await.sends);
    assert_eq!((leased.len(), reserved.len()), (2, 2));
    (leased, reserved)
}

async fn takes_nothing(name: &str, store: &dyn Store, now: i64) {
    assert!(lease_as(name, store, now, 10).await.is_empty(), "{name} at {now}");
    assert!(reserve_as(name, store, now, 10).await.sends.is_empty(), "{name} at {now}");
}

async fn finish(store: &dyn Store, (leased, reserved): (Vec<Leased>, Vec<Reservation>), now: i64) {
    for leased in &leased {
        settle(store, leased, EventOutcome::Done, now).await;
    }
    for reservation in &reserved {
        answer(store, reservation, sent(), now).await;
    }
}

async fn after_a_common_silence_nobody_loses_what_it_has(store: &dyn Store) {
    let at_work = two_at_work(store).await;
    // As while a database was away, for less and for more than anybody waits before an outage is taken for a death.
    for back in [60, 1_000] {
        for now in back..back + 20 {
            takes_nothing("other", store, now).await;
            takes_nothing("w", store, now + 2).await;
        }
    }
    finish(store, at_work, 1_020).await;
}

async fn who_is_not_heard_again_after_a_common_silence_is_given_up_a_life_later(store: &dyn Store) {
    let (leased, reserved) = two_at_work(store).await;
    let back = store.lease(lease_request_of("other", 60, 10)).await.unwrap();
    assert_eq!((back.events.len(), back.next_due), (0, Some(at(68))));
    assert_eq!(reserve_as("other", store, 60, 10).await.next_due, Some(at(68)));
    beats("other", store, 60..=68).await;
    takes_nothing("other", store, 67).await;
    let taken = lease_as("other", store, 68, 10).await;
    assert_eq!((taken[0].lease.seq, taken.len()), (leased[0].lease.seq, 1));
    let again = take_over(store, 68).await;
    assert_eq!((again[0].seq, again.len()), (reserved[0].seq, 1));
}

async fn after_a_short_silence_nobody_is_taken_for_dead_who_is_heard_a_little_later(store: &dyn Store) {
    let at_work = two_at_work(store).await;
    beats("other", store, 21..=21).await;
    // The one's heartbeat stands still, the other's has just lapsed.
    takes_nothing("other", store, 28).await;
    takes_nothing("w", store, 29).await;
    finish(store, at_work, 30).await;
}

async fn a_worker_that_comes_after_the_last_one_died_takes_over_a_life_later(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1)]).await;
    lease_one(store, 0).await;
    let first = store.lease(lease_request_of("new", 60, 10)).await.unwrap();
    assert_eq!((first.events.len(), first.next_due), (0, Some(at(68))));
    beats("new", store, 60..=68).await;
    assert_eq!(ids(&lease_as("new", store, 68, 10).await), ["1"]);
}

async fn a_worker_that_comes_right_after_another_died_knows_what_that_one_knew(store: &dyn Store) {
    record(store, vec![mail("1", "i", "a", 1)]).await;
    lease_one(store, 0).await;
    beats("second", store, 0..=5).await;
    assert!(lease_as("third", store, 7, 10).await.is_empty());
    assert_eq!(ids(&lease_as("third", store, 8, 10).await), ["1"]);
}

async fn who_was_silent_for_long_when_a_worker_came_is_given_up_at_once(store: &dyn Store) {
    let (leased, _) = two_at_work(store).await;
    let gone = 28 + LONG_SILENCE.as_secs().cast_signed();
    takes_nothing("early", store, gone - 1).await;
    takes_nothing("early", store, gone).await;
    assert_eq!(lease_as("late", store, gone, 10).await.len(), leased.len());
    assert_eq!(reserve_as("late", store, gone, 10).await.sends.len(), 2);
}

async fn who_goes_takes_nothing_from_those_who_were_silent_with_it(store: &dyn Store) {
    let at_work = two_at_work(store).await;
    beats("third", store, 20..=20).await;
    store.retire(&worker("third"), at(60)).await.unwrap();
    takes_nothing("other", store, 60).await;
    takes_nothing("w", store, 61).await;
    finish(store, at_work, 62).await;
}

use proptest::prelude::*;

use super::*;

fn at(milliseconds: i64) -> Timestamp {
    // An hour before midnight, so that a day's end is near.
    let start: Timestamp = "2026-02-24T23:00:00Z".parse().unwrap();
    Timestamp::from_millisecond(start.as_millisecond() + milliseconds).unwrap()
}

fn send_at(ledger: &mut Ledger, slot: i64, now: Timestamp) {
    ledger.reserve(Slot(slot), now);
    ledger.complete(Slot(slot), now);
}

#[test]
fn ten_may_leave_at_once_and_the_eleventh_waits_for_the_first() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::default());
    for n in 0..10 {
        assert_eq!(ledger.decide(&quotas, at(n)), Decision::Go);
        send_at(&mut ledger, n, at(n));
    }
    assert_eq!(ledger.decide(&quotas, at(10)), Decision::Wait(at(60_000)));
    assert_eq!(ledger.decide(&quotas, at(59_999)), Decision::Wait(at(60_000)));
    assert_eq!(ledger.decide(&quotas, at(60_000)), Decision::Go);
    assert_eq!(ledger.allowance(&quotas, at(60_004)).minute, 5);
}

#[test]
fn a_send_in_flight_keeps_its_place_however_long_it_takes() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(1, 200));
    ledger.reserve(Slot(1), at(0));
    assert_eq!(ledger.decide(&quotas, at(600_000)), Decision::Wait(at(660_000)));
    ledger.complete(Slot(1), at(600_500));
    assert_eq!(ledger.decide(&quotas, at(660_000)), Decision::Wait(at(660_500)));
    assert_eq!(ledger.decide(&quotas, at(660_500)), Decision::Go);
}

#[test]
fn a_refused_send_gives_its_place_back() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(1, 1));
    ledger.reserve(Slot(1), at(0));
    ledger.cancel(Slot(1));
    assert_eq!(ledger.allowance(&quotas, at(0)), Allowance::new(1, 1, at(0)));
}

#[test]
fn an_attempt_that_is_made_again_has_its_minute_and_no_day() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(10, 200));
    for n in 0..5 {
        ledger.reserve(Slot(n), at(n));
        if n == 0 {
            ledger.complete(Slot(n), at(n));
        } else {
            ledger.complete_again(Slot(n), &(at(n - 1)..=at(n - 1)), at(n));
        }
    }
    assert_eq!(ledger.allowance(&quotas, at(5)), Allowance::new(5, 199, at(5)));
    // Over midnight it takes a place in the next day as well, and one only.
    let midnight = at(3_600_000);
    ledger.reserve(Slot(6), at(3_599_000));
    ledger.complete_again(Slot(6), &(at(4)..=at(4)), midnight);
    ledger.reserve(Slot(7), at(3_601_000));
    ledger.complete_again(Slot(7), &(at(3_599_000)..=midnight), at(3_601_000));
    assert_eq!(ledger.allowance(&quotas, at(3_601_000)).day, 199);
    assert_eq!(ledger.allowance(&quotas, at(3_599_999)).day, 199);
}

#[test]
fn a_place_in_a_day_is_not_lost_where_the_clock_was_set_back_over_midnight() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(10, 200));
    send_at(&mut ledger, 1, at(3_600_500));
    ledger.reserve(Slot(2), at(3_500_000));
    ledger.complete_again(Slot(2), &(at(3_600_500)..=at(3_600_500)), at(3_500_000));
    assert_eq!(ledger.allowance(&quotas, at(3_500_001)).day, 199);
    assert_eq!(ledger.allowance(&quotas, at(3_700_000)).day, 199);
}

#[test]
fn a_completion_of_the_future_hides_none_of_the_present() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::default());
    (0..9).for_each(|n| send_at(&mut ledger, n, at(n)));
    // Reserved before the clock was set back.
    ledger.reserve(Slot(9), at(300_000));
    ledger.complete(Slot(9), at(9));
    assert_eq!(ledger.decide(&quotas, at(10)), Decision::Wait(at(60_000)));
}

#[test]
fn a_ledger_does_not_grow_with_its_past() {
    let (mut ledger, quotas, day) = (Ledger::default(), Quotas::new(10, 200), 24 * 60 * 60 * 1_000);
    for n in 0..2_000 {
        send_at(&mut ledger, n, at(n * day / 100));
    }
    assert!(ledger.completed.len() <= KEPT + 1, "{} completions are kept", ledger.completed.len());
    assert!(ledger.days.len() <= 2, "{} days are kept", ledger.days.len());
    // What still counts is among what is kept: of a minute in which more may leave, all of it.
    for n in 2_000..2_050 {
        send_at(&mut ledger, n, at(20 * day));
    }
    assert_eq!(ledger.allowance(&Quotas::new(60, 200), at(20 * day)).minute, 10);
    send_at(&mut ledger, 2_050, at(22 * day));
    assert_eq!((ledger.completed.len(), ledger.days.len()), (1, 1), "a day later nothing of it is left");
    assert_eq!(ledger.allowance(&quotas, at(22 * day)).day, 199);
}

#[test]
fn the_day_ends_at_midnight_utc() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(10, 2));
    send_at(&mut ledger, 1, at(0));
    send_at(&mut ledger, 2, at(0));
    let midnight: Timestamp = "2026-02-25T00:00:00Z".parse().unwrap();
    assert_eq!(ledger.allowance(&quotas, at(120_000)), Allowance::new(10, 0, midnight));
    assert_eq!(ledger.allowance(&quotas, midnight), Allowance::new(10, 2, midnight));
}

#[test]
fn a_send_over_midnight_counts_on_both_days() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(10, 2));
    ledger.reserve(Slot(1), at(3_599_000));
    ledger.complete(Slot(1), at(3_601_000));
    assert_eq!(ledger.allowance(&quotas, at(3_599_500)).day, 1);
    assert_eq!(ledger.allowance(&quotas, at(3_601_000)).day, 1);
}

#[test]
fn a_lesson_blocks_and_a_long_one_uses_up_the_day() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::default());
    ledger.learn(Pause::new(at(0), at(30_000)));
    assert_eq!(ledger.allowance(&quotas, at(1)), Allowance::new(0, 200, at(30_000)));
    ledger.learn(Pause::new(at(0), at(600_000)));
    ledger.learn(Pause::new(at(1), at(20_000)));
    assert_eq!(ledger.allowance(&quotas, at(40_000)), Allowance::new(0, 0, at(600_000)));
    assert_eq!(ledger.decide(&quotas, at(600_000)), Decision::Go);
}

#[test]
fn a_short_lesson_does_not_shorten_the_minute() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(1, 200));
    send_at(&mut ledger, 1, at(0));
    ledger.learn(Pause::new(at(0), at(10_000)));
    assert_eq!(ledger.decide(&quotas, at(1)), Decision::Wait(at(60_000)));
}

#[test]
fn a_clock_set_back_frees_nothing_early() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(1, 200));
    ledger.reserve(Slot(1), at(10_000));
    ledger.complete(Slot(1), at(0));
    assert_eq!(ledger.decide(&quotas, at(60_000)), Decision::Wait(at(70_000)));
}

#[test]
fn what_was_done_by_a_clock_that_ran_ahead_counts_from_when_it_was_set_right() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::default());
    // Two hours ahead, one each five minutes, and a 429.
    (0..30).for_each(|n| send_at(&mut ledger, n, at(n * 300_000)));
    ledger.learn(Pause::new(at(7_200_000), at(7_230_000)));
    ledger.set_time(at(0));
    assert_eq!(ledger.allowance(&quotas, at(0)).minute, 0, "it may all have been just now");
    assert_eq!(ledger.decide(&quotas, at(29_999)), Decision::Wait(at(60_000)));
    assert_eq!(ledger.allowance(&quotas, at(60_000)).minute, 10);
}

#[test]
fn what_is_in_flight_when_a_clock_is_set_right_counts_from_then() {
    let (mut ledger, quotas) = (Ledger::default(), Quotas::new(1, 200));
    ledger.reserve(Slot(1), at(7_200_000));
    ledger.set_time(at(0));
    ledger.complete(Slot(1), at(10));
    assert_eq!(ledger.decide(&quotas, at(60_009)), Decision::Wait(at(60_010)));
    assert_eq!(ledger.decide(&quotas, at(60_010)), Decision::Go);
}

#[test]
fn a_shared_ledger_waits_for_the_slowest_clock() {
    let (mut ledger, quotas) = (Ledger::shared(), Quotas::new(1, 2));
    send_at(&mut ledger, 1, at(0));
    assert_eq!(ledger.decide(&quotas, at(64_999)), Decision::Wait(at(65_000)));
    assert_eq!(ledger.decide(&quotas, at(65_000)), Decision::Go);
    send_at(&mut ledger, 2, at(65_000));
    assert_eq!(ledger.decide(&quotas, at(200_000)), Decision::Wait(at(3_605_000)));
    assert_eq!(ledger.decide(&quotas, at(3_604_999)), Decision::Wait(at(3_605_000)));
    assert_eq!(ledger.allowance(&quotas, at(3_605_000)), Allowance::new(1, 2, at(3_605_000)));
}

#[test]
fn a_send_just_before_midnight_counts_on_both_days_of_a_shared_ledger() {
    let (mut ledger, quotas) = (Ledger::shared(), Quotas::new(10, 2));
    send_at(&mut ledger, 1, at(3_595_000));
    assert_eq!(ledger.allowance(&quotas, at(3_700_000)).day, 1);
    send_at(&mut ledger, 2, at(3_604_999));
    assert_eq!(ledger.allowance(&quotas, at(3_594_999)).day, 0);
}

/// Sends greedily with the given answer times, and tells when the service counted each.
fn counted_by_service(quotas: &Quotas, sends: &[(u16, u16, u8)]) -> Vec<i64> {
    counted_among(Ledger::default(), quotas, &[0], sends)
}

/// The same among machines that take turns, whose clocks are so far ahead of the service's.
fn counted_among(mut ledger: Ledger, quotas: &Quotas, ahead: &[i64], sends: &[(u16, u16, u8)]) -> Vec<i64> {
    let mut now = at(3_500_000);
    let clock_of = |n: usize, now: i64| Timestamp::from_millisecond(now + ahead[n % ahead.len()]).unwrap();
    let mut in_flight: Vec<(i64, usize)> = Vec::new();
    let mut counted = Vec::new();
    for (n, (pause, takes, counted_at)) in sends.iter().enumerate() {
        now = clock::after(now, Duration::from_millis((*pause).into()));
        loop {
            in_flight.sort_unstable();
            while in_flight.first().is_some_and(|(ends, _)| *ends <= now.as_millisecond()) {
                let (ends, sent) = in_flight.remove(0);
                ledger.complete(slot(sent), clock_of(sent, ends));
            }
            let told = clock_of(n, now.as_millisecond());
            match ledger.decide(quotas, told) {
                Decision::Go => break,
                Decision::Wait(until) => {
                    assert!(until > told, "a wait must end later than it begins");
                    let until = now + until.duration_since(told);
                    let next_end = in_flight.first().map_or(i64::MAX, |(ends, _)| *ends);
                    now = until.min(Timestamp::from_millisecond(next_end).unwrap_or(until));
                }
            }
        }
        let start = now.as_millisecond();
        ledger.reserve(slot(n), clock_of(n, start));
        in_flight.push((start + i64::from(*takes), n));
        counted.push(start + i64::from(*takes) * i64::from(*counted_at) / 255);
    }
    counted.sort_unstable();
    counted
}

fn slot(n: usize) -> Slot {
    Slot(i64::try_from(n).unwrap())
}

fn assert_within(quotas: &Quotas, counted: &[i64]) -> Result<(), TestCaseError> {
    let (per_minute, per_day) = (quotas.per_minute as usize, quotas.per_day as usize);
    for (n, &moment) in counted.iter().enumerate() {
        let sliding = counted[..=n].iter().filter(|c| **c > moment - 60_000).count();
        prop_assert!(sliding <= per_minute, "{sliding} in a sliding minute");
        let fixed = counted.iter().filter(|c| **c / 60_000 == moment / 60_000).count();
        prop_assert!(fixed <= per_minute, "{fixed} in a fixed minute");
        let day = counted.iter().filter(|c| **c / 86_400_000 == moment / 86_400_000).count();
        prop_assert!(day <= per_day, "{day} in a day");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_service_never_counts_too_many(
        per_minute in 1_u32..12,
        per_day in 5_u32..40,
        sends in prop::collection::vec((0_u16..3_000, 0_u16..40_000, any::<u8>()), 1..120),
    ) {
        let quotas = Quotas::new(per_minute, per_day);
        assert_within(&quotas, &counted_by_service(&quotas, &sends))?;
    }

    #[test]
    fn machines_whose_clocks_differ_are_never_counted_too_many(
        per_minute in 1_u32..4,
        per_day in 5_u32..40,
        ahead in prop::collection::vec(prop::sample::select(vec![-2_500, 0, 2_500]), 2..5),
        sends in prop::collection::vec((0_u16..3_000, 0_u16..4_000, any::<u8>()), 1..120),
    ) {
        let quotas = Quotas::new(per_minute, per_day);
        assert_within(&quotas, &counted_among(Ledger::shared(), &quotas, &ahead, &sends))?;
    }

    #[test]
    fn all_of_a_day_is_usable_and_the_next_begins_at_midnight(per_day in 1_u32..30, days in 1_u32..4) {
        let sends = vec![(0, 0, 0); (per_day * days) as usize];
        let counted = counted_by_service(&Quotas::new(1_000, per_day), &sends);
        for (n, moment) in counted.iter().enumerate() {
            let day = i64::try_from(n).unwrap() / i64::from(per_day);
            let midnight = at(0).as_millisecond() + 3_600_000 + (day - 1) * 86_400_000;
            let expected = if day == 0 { at(3_500_000).as_millisecond() } else { midnight };
            prop_assert_eq!(*moment, expected);
        }
    }

    /// What the service says counts, whatever was counted here; and when it is over, all is as if it had not been.
    #[test]
    fn a_learned_limit_is_kept_and_passes(
        per_minute in 1_u32..12,
        sends in prop::collection::vec(0_i64..90_000, 0..40),
        lessons in prop::collection::vec((0_i64..90_000, 1_i64..100_000), 1..5),
    ) {
        let quotas = Quotas::new(per_minute, 1_000);
        let (mut taught, mut untaught) = (Ledger::default(), Ledger::default());
        for (slot, moment) in sends.iter().enumerate() {
            for ledger in [&mut taught, &mut untaught] {
                send_at(ledger, i64::try_from(slot).unwrap(), at(*moment));
            }
        }
        let mut last = 0;
        for (learned, wait) in lessons {
            taught.learn(Pause::new(at(learned), at(learned + wait)));
            last = last.max(learned + wait);
            prop_assert!(matches!(taught.decide(&quotas, at(learned)), Decision::Wait(until) if until >= at(learned + wait)));
        }
        prop_assert_eq!(taught.decide(&quotas, at(last - 1)), match untaught.decide(&quotas, at(last - 1)) {
            Decision::Wait(until) => Decision::Wait(until.max(at(last))),
            Decision::Go => Decision::Wait(at(last)),
        });
        prop_assert_eq!(taught.decide(&quotas, at(last)), untaught.decide(&quotas, at(last)));
    }

    #[test]
    fn all_of_the_allowance_is_usable(per_minute in 1_u32..12, minutes in 1_u32..5) {
        let sends = vec![(0, 0, 0); (per_minute * minutes) as usize];
        let counted = counted_by_service(&Quotas::new(per_minute, 1_000), &sends);
        let took = counted.last().unwrap() - counted.first().unwrap();
        prop_assert_eq!(took, i64::from(minutes - 1) * 60_000);
    }
}

//! How long to wait before trying again.

use std::time::Duration;

use rand::Rng;

/// Exponential back-off between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Doubles from `first` up to `most`.
    #[must_use]
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The longest wait before the try after `failures` + 1 failed ones.
    #[must_use]
    pub(crate) fn ceiling(&self, failures: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.most)
    }

    /// A wait drawn evenly between nothing and the [ceiling](Backoff::ceiling): full jitter, so that a crowd that
    /// failed together does not come back together.
    #[must_use]
    pub(crate) fn with_jitter(&self, failures: u32) -> Duration {
        part_of(self.ceiling(failures), rand::rng().random())
    }

    /// A wait drawn evenly from the upper half below the [ceiling](Backoff::ceiling): for one that must not come back
    /// at once, whatever the draw.
    #[must_use]
    pub(crate) fn with_half_jitter(&self, failures: u32) -> Duration {
        upper_part_of(self.ceiling(failures), rand::rng().random())
    }
}

/// The share of a wait that lies between 0 and 1. What is drawn is rounded, but never up beyond the whole.
fn part_of(whole: Duration, share: f64) -> Duration {
    whole.mul_f64(share).min(whole)
}

fn upper_part_of(whole: Duration, share: f64) -> Duration {
    let lower = whole / 2;
    (whole - lower).saturating_add(part_of(lower, share))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Waits of every magnitude, the extremes among them.
    fn waits() -> impl Strategy<Value = Duration> {
        let extremes = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1 << 63), Duration::MAX];
        prop_oneof![
            prop::sample::select(extremes.to_vec()),
            (0_u32..94).prop_map(|bits| Duration::from_nanos_u128(1 << bits)),
            (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        ]
    }

    fn failures() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..80, Just(u32::MAX - 1), Just(u32::MAX), any::<u32>()]
    }

    /// As it is drawn: never the whole.
    fn shares() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), Just(1.0_f64.next_down()), 0.0_f64..1.0]
    }

    proptest! {
        #[test]
        fn the_ceiling_rises_from_the_first_wait_to_the_longest(
            first in waits(), most in waits(), failures in failures()
        ) {
            let backoff = Backoff::new(first, most);
            prop_assert_eq!(backoff.ceiling(0), first.min(most));
            prop_assert!(backoff.ceiling(failures) <= backoff.ceiling(failures.saturating_add(1)));
            prop_assert!(backoff.ceiling(failures) <= most);
            prop_assert_eq!(backoff.ceiling(u32::MAX), most.min(first.saturating_mul(u32::MAX)));
        }

        #[test]
        fn a_wait_is_no_longer_than_the_ceiling_and_half_of_one_no_shorter_than_half(
            first in waits(), most in waits(), failures in failures(), share in shares()
        ) {
            let backoff = Backoff::new(first, most);
            let ceiling = backoff.ceiling(failures);
            prop_assert!(backoff.with_jitter(failures) <= ceiling);
            prop_assert!(part_of(ceiling, share) <= ceiling);
            for half in [backoff.with_half_jitter(failures), upper_part_of(ceiling, share)] {
                prop_assert!(half <= ceiling && half >= ceiling / 2);
                prop_assert!(!half.is_zero() || ceiling.is_zero(), "a failing loop must not spin");
            }
        }
    }

    #[test]
    fn a_crowd_that_failed_together_comes_back_over_the_whole_of_the_wait() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let draws: Vec<_> = (0..2_000).map(|_| backoff.with_jitter(10)).collect();
        for third in 0..3 {
            let span = Duration::from_secs(10 * third)..Duration::from_secs(10 * (third + 1));
            let within = draws.iter().filter(|draw| span.contains(draw)).count();
            assert!((500..850).contains(&within), "{within} of 2000 in {span:?}");
        }
    }
}

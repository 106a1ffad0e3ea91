use std::time::Duration;

use jiff::Timestamp;

use crate::clock;

use super::Allowance;

/// A wait longer than this cannot be the minute's: it is the day that is used up.
const LONGEST_MINUTE: Duration = Duration::from_secs(65);

/// A stop that a 429 imposed, which ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    learned_at: Timestamp,
    until: Timestamp,
}

impl Pause {
    /// Nothing leaves before `until`; learned now, at `learned_at`.
    #[must_use]
    pub const fn new(learned_at: Timestamp, until: Timestamp) -> Self {
        Self { learned_at, until }
    }

    /// When the service said it.
    #[must_use]
    pub const fn learned_at(&self) -> Timestamp {
        self.learned_at
    }

    /// When it ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The same now that it is this time: one that was learned later than `latest` was so by a clock that has been set back since, and
    /// lasts as long from now on.
    #[must_use]
    pub(crate) fn set_time(self, latest: Timestamp, now: Timestamp) -> Self {
        if self.learned_at <= latest {
            return self;
        }
        Self { learned_at: now, until: clock::after(now, clock::until(self.learned_at, self.until)) }
    }

    /// Whichever of the two lasts longer: a later 429 never shortens what an earlier one imposed.
    #[must_use]
    pub fn or_longer(self, other: Option<Self>) -> Self {
        other.filter(|other| other.until > self.until).unwrap_or(self)
    }

    /// What remains of an allowance while this stands.
    #[must_use]
    pub fn restrict(&self, allowance: Allowance, now: Timestamp) -> Allowance {
        if self.until <= now {
            return allowance;
        }
        let day = if self.is_daily() { 0 } else { allowance.day };
        Allowance::new(0, day, allowance.next_slot.max(self.until))
    }

    /// The service tells its two limits apart by the size of `Retry-After` only.
    fn is_daily(&self) -> bool {
        self.until > clock::after(self.learned_at, LONGEST_MINUTE)
    }
}

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;

use super::{Allowance, Pause, Quotas};

/// How far the clocks of machines may be apart that share a ledger.
pub const CLOCKS_APART: Duration = Duration::from_secs(5);

const MINUTE: Duration = Duration::from_secs(60);
const DAY_SECONDS: i64 = 24 * 60 * 60;
const DAY: Duration = Duration::from_secs(DAY_SECONDS.cast_unsigned());

/// How many completions of the last day are kept whatever the clock says: three times what the service takes in a minute.
const KEPT: usize = 30;

/// What one inbox sent lately, and so what it may send now.
///
/// The service counts a send at some moment between its reservation and its completion, and which moment is not known.
/// So a send is taken to be in the minute from the one until 60 seconds after the other, and in every UTC day that the
/// two touch. That is safe whether the service's own minute slides or is fixed, and costs nothing but the time an answer
/// takes. Machines that [share](Ledger::shared) it tell the time by clocks of their own.
///
/// An attempt that failed may be made [again](Ledger::complete_again) under the same key. The service counts a request a minute for each of
/// them, and takes one of them at most: so each has its minute, and all of them one place in a day.
///
/// ```
/// # use openmail_agent::limit::{Decision, Ledger, Quotas, Slot};
/// # use jiff::{SignedDuration, Timestamp};
/// let (quotas, now) = (Quotas::new(1, 200), Timestamp::UNIX_EPOCH);
/// let mut ledger = Ledger::default();
/// ledger.reserve(Slot(1), now);
/// ledger.complete(Slot(1), now);
/// assert_eq!(ledger.decide(&quotas, now), Decision::Wait(now + SignedDuration::from_secs(60)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    in_flight: HashMap<Slot, Timestamp>,
    /// When the latest ones were completed, oldest first.
    completed: VecDeque<Timestamp>,
    /// How many completed ones touched each of the latest days.
    days: BTreeMap<i64, u32>,
    pause: Option<Pause>,
    /// How far the clocks may be apart that tell it the time.
    apart: Duration,
}

/// Names a send's place in a ledger from its reservation on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub i64);

/// Whether one more send may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It may leave now.
    Go,
    /// Not before this time; then ask again, since a send in flight may have taken the place.
    Wait(Timestamp),
}

impl Ledger {
    /// One that several machines share, whose clocks may be [`CLOCKS_APART`]: whatever ends for one of them has ended for all
    /// so much later, be it the minute or the day.
    #[must_use]
    pub fn shared() -> Self {
        Self { apart: CLOCKS_APART, ..Self::default() }
    }

    /// It is this time now, and nothing was completed or learned later: what seems so was by a clock that has been set back since,
    /// and counts from now.
    pub fn set_time(&mut self, now: Timestamp) {
        let latest = clock::after(now, self.apart);
        let future = self.completed.partition_point(|completed| *completed <= latest);
        self.completed.range_mut(future..).for_each(|completed| *completed = now);
        self.in_flight
            .values_mut()
            .filter(|reserved| **reserved > latest)
            .for_each(|reserved| *reserved = now);
        self.pause = self.pause.map(|pause| pause.set_time(latest, now));
    }

    /// Whether one more send may leave now.
    #[must_use]
    pub fn decide(&self, quotas: &Quotas, now: Timestamp) -> Decision {
        let next_slot = self.allowance(quotas, now).next_slot;
        if next_slot <= now { Decision::Go } else { Decision::Wait(next_slot) }
    }

    /// What is left of the limits, and when the next send may leave.
    #[must_use]
    pub fn allowance(&self, quotas: &Quotas, now: Timestamp) -> Allowance {
        let minute = quotas.per_minute.saturating_sub(self.used_in_minute(now));
        let mut day = quotas.per_day;
        let mut next_slot = self.minute_frees_at(quotas, now);
        for today in self.days(now, now) {
            let left = quotas.per_day.saturating_sub(self.used_in_day(today));
            if left == 0 {
                next_slot = next_slot.max(clock::after(end_of(today), self.apart));
            }
            day = day.min(left);
        }
        let allowance = Allowance::new(minute, day, next_slot);
        self.pause.map_or(allowance, |pause| pause.restrict(allowance, now))
    }

    /// Takes a place for a send that is about to leave. It stays taken until it is completed or cancelled.
    pub fn reserve(&mut self, slot: Slot, now: Timestamp) {
        self.in_flight.insert(slot, now);
    }

    /// The attempt came to an end, and the service may have counted it. Does nothing for a slot that is not in flight.
    pub fn complete(&mut self, slot: Slot, now: Timestamp) {
        self.end(slot, None, now);
    }

    /// The same for an attempt that repeats an `earlier` one under the same key, which lasted from its reservation to its
    /// completion and was completed here: they share one place in a day.
    pub fn complete_again(&mut self, slot: Slot, earlier: &RangeInclusive<Timestamp>, now: Timestamp) {
        self.end(slot, Some(earlier), now);
    }

    /// The attempt was certainly not counted, and gives its place back.
    pub fn cancel(&mut self, slot: Slot) {
        self.in_flight.remove(&slot);
    }

    /// The service said to wait: nothing leaves before then, whatever the ledger thinks. Tells which pause stands now.
    ///
    /// A pause of much more than a minute means that the day's sends are used up.
    pub fn learn(&mut self, pause: Pause) -> Pause {
        *self.pause.insert(pause.or_longer(self.pause))
    }

    /// All there is in it, in an order of its own.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> String {
        let in_flight: BTreeMap<_, _> = self.in_flight.iter().collect();
        format!("{:?}", (in_flight, &self.completed, &self.days, &self.pause))
    }

    fn end(&mut self, slot: Slot, earlier: Option<&RangeInclusive<Timestamp>>, now: Timestamp) {
        let Some(reserved) = self.in_flight.remove(&slot) else { return };
        let completed = now.max(reserved);
        self.forget_before(completed);
        let counted = earlier.map(|earlier| self.days_of(*earlier.start(), *earlier.end()));
        for day in self.days_of(reserved, completed) {
            if !counted.as_ref().is_some_and(|counted| counted.contains(&day)) {
                *self.days.entry(day).or_default() += 1;
            }
        }
        let at = self.completed.partition_point(|earlier| *earlier <= completed);
        self.completed.insert(at, completed);
    }

    fn used_in_minute(&self, now: Timestamp) -> u32 {
        count(self.in_flight.len() + self.completed.len() - self.expired(now))
    }

    /// What is in flight may still be counted then, whenever it was reserved.
    fn used_in_day(&self, day: i64) -> u32 {
        let completed = self.days.get(&day).copied().unwrap_or_default();
        completed.saturating_add(count(self.in_flight.len()))
    }

    /// The days in which an attempt may have been counted, as far back as they matter.
    fn days_of(&self, reserved: Timestamp, completed: Timestamp) -> RangeInclusive<i64> {
        let (first, last) = self.days(reserved, completed).into_inner();
        first.max(last - 1)..=last
    }

    /// The days between two moments, by any of the clocks.
    fn days(&self, from: Timestamp, to: Timestamp) -> RangeInclusive<i64> {
        let from = from.checked_sub(self.apart).unwrap_or(Timestamp::MIN);
        day_of(from)..=day_of(clock::after(to, self.apart))
    }

    fn minute_frees_at(&self, quotas: &Quotas, now: Timestamp) -> Timestamp {
        let Some(excess) =
            self.used_in_minute(now).saturating_add(1).checked_sub(quotas.per_minute).filter(|n| *n > 0)
        else {
            return now;
        };
        // Where it is the ones in flight that fill the minute, the first place is free a minute from now at the soonest.
        let last_to_expire = self.expired(now) + excess as usize - 1;
        clock::after(self.completed.get(last_to_expire).copied().unwrap_or(now), MINUTE + self.apart)
    }

    fn expired(&self, now: Timestamp) -> usize {
        self.completed.partition_point(|completed| clock::after(*completed, MINUTE + self.apart) <= now)
    }

    /// Some of what expired is kept, and yesterday, for a clock that is set back.
    fn forget_before(&mut self, now: Timestamp) {
        let old = self.completed.partition_point(|completed| clock::after(*completed, DAY) <= now);
        let surplus = self.completed.len().saturating_sub(KEPT).min(self.expired(now));
        self.completed.drain(..old.max(surplus));
        self.days = self.days.split_off(&(day_of(now) - 1));
    }
}

fn day_of(moment: Timestamp) -> i64 {
    moment.as_second().div_euclid(DAY_SECONDS)
}

fn end_of(day: i64) -> Timestamp {
    Timestamp::from_second((day + 1) * DAY_SECONDS).unwrap_or(Timestamp::MAX)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

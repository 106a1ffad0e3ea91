//! Wall-clock time that a test can move by hand.
//!
//! Everything in the runtime that depends on the date (limits, retries, leases, retention) asks a [`Clock`]; what only
//! measures how long a peer has been silent uses tokio's own timer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

/// Tells the time and waits for it.
///
/// ```
/// # use openmail_agent::clock::Clock;
/// # use std::time::Duration;
/// let clock = Clock::manual("2026-02-24T23:59:00Z".parse()?);
/// clock.advance(Duration::from_secs(120));
/// assert_eq!(clock.now().to_string(), "2026-02-25T00:01:00Z");
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Ahead(Duration),
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The machine's clock, put forward: for a process that lives some hours later than the last one.
    #[must_use]
    pub fn ahead(by: Duration) -> Self {
        Self(Source::Ahead(by))
    }

    /// A clock that stands still until it is [advanced](Clock::advance).
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The time now, in UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Ahead(by) => after(Timestamp::now(), *by),
            Source::Manual(now) => *now.borrow(),
        }
    }

    /// Moves a manual clock forward and wakes whoever waited for a moment that has come.
    ///
    /// Does nothing to the other clocks.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.send_modify(|now| *now = after(*now, by));
        }
    }

    /// Moves a manual clock forward to `moment`, as [`advance`](Clock::advance) does. Does nothing if that has passed.
    ///
    /// A test that shares its time with a sandbox keeps the two together by this.
    ///
    /// ```
    /// # use openmail_agent::clock::Clock;
    /// let clock = Clock::manual("2026-02-24T23:59:00Z".parse()?);
    /// for moment in ["2026-02-25T00:01:00Z", "2026-02-24T12:00:00Z"] {
    ///     clock.advance_to(moment.parse()?);
    ///     assert_eq!(clock.now().to_string(), "2026-02-25T00:01:00Z");
    /// }
    /// # Ok::<(), jiff::Error>(())
    /// ```
    pub fn advance_to(&self, moment: Timestamp) {
        if let Source::Manual(now) = &self.0 {
            now.send_modify(|now| *now = moment.max(*now));
        }
    }

    /// Waits until the clock shows `deadline`, or for as long as it was until then: a clock that is set back meanwhile makes nobody
    /// wait longer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match &self.0 {
            Source::System | Source::Ahead(_) => {
                let (began, wait) = (Instant::now(), until(self.now(), deadline));
                loop {
                    // The one stands still while the machine sleeps, the other can be set.
                    let left = until(self.now(), deadline).min(wait.saturating_sub(began.elapsed()));
                    if left.is_zero() {
                        return;
                    }
                    tokio::time::sleep(left.min(Duration::from_secs(60))).await;
                }
            }
            Source::Manual(now) => {
                let mut now = now.subscribe();
                // The sender lives in `self`, so waiting cannot fail.
                let _ = now.wait_for(|now| *now >= deadline).await;
            }
        }
    }

    /// Waits for this long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(after(self.now(), duration)).await;
    }
}

/// The moment `by` later, or the end of time.
#[must_use]
pub fn after(moment: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long it is until `moment`; zero when it has come.
#[must_use]
pub fn until(now: Timestamp, moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Lets something be said now and then, however often there is reason to.
#[derive(Debug)]
pub(crate) struct Throttle {
    every: Duration,
    last: Mutex<Option<Timestamp>>,
}

impl Throttle {
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, last: Mutex::default() }
    }

    /// Whether it may be said now; then it counts as said. A clock that was set back keeps nobody quiet.
    pub(crate) fn lets(&self, now: Timestamp) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let lets = last.is_none_or(|last| last > now || after(last, self.every) <= now);
        if lets {
            *last = Some(now);
        }
        lets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_falls_behind_makes_nobody_wait_longer() {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let began = Instant::now();
        // While time is paused the machine's clock stands still, as good as.
        let slept = tokio::time::timeout(2 * HOUR, Clock::system().sleep(HOUR)).await;
        assert!(slept.is_ok() && began.elapsed() >= HOUR);
    }

    #[test]
    fn something_is_said_once_in_a_while_whatever_the_clock_does() {
        let throttle = Throttle::new(Duration::from_secs(60));
        let at = |second| Timestamp::from_second(second).unwrap();
        let said = [0, 1, 59, 60, 61, 30].map(|second| throttle.lets(at(second)));
        assert_eq!(said, [true, false, false, true, false, true]);
    }
}

use std::time::Duration;

use jiff::Timestamp;

/// Real time plus what the test has added.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: Duration,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        later(Timestamp::now(), self.ahead)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

/// `at` plus `by`, stopping at the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` to `then`; nothing if that has passed.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

/// The days since the epoch, by which UTC days are told apart.
pub(crate) fn utc_day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// The start of the next UTC day.
pub(crate) fn next_utc_day(at: Timestamp) -> Timestamp {
    Timestamp::from_second((utc_day(at) + 1) * 86_400).unwrap_or(Timestamp::MAX)
}

/// ISO 8601 in UTC with milliseconds, as the service writes it.
pub(crate) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

use jiff::Timestamp;

use super::clock::utc_day;

/// A count that begins anew with each UTC day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerDay {
    day: i64,
    count: u32,
}

impl PerDay {
    pub(crate) fn on(self, now: Timestamp) -> u32 {
        if self.day == utc_day(now) { self.count } else { 0 }
    }

    pub(crate) fn add(&mut self, now: Timestamp, count: u32) {
        *self = Self { day: utc_day(now), count: self.on(now).saturating_add(count) };
    }
}

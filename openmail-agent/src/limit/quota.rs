use jiff::Timestamp;

use crate::model::InboxId;

/// What one inbox may send.
///
/// The defaults are the service's documented limits: 10 sends a minute and 200 a UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Sends in any 60 seconds.
    pub per_minute: u32,
    /// Sends in a UTC day.
    pub per_day: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { per_minute: 10, per_day: 200 }
    }
}

impl Quotas {
    /// Limits other than the documented ones, such as a higher plan's.
    #[must_use]
    pub const fn new(per_minute: u32, per_day: u32) -> Self {
        Self { per_minute, per_day }
    }
}

/// What is left of an inbox's limits, and when there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// Sends that may leave now without exceeding the minute.
    pub minute: u32,
    /// Sends left until midnight UTC.
    pub day: u32,
    /// When the next send may leave: now, where there is one left.
    pub next_slot: Timestamp,
}

impl Allowance {
    /// What is left, and when the next send may leave.
    #[must_use]
    pub const fn new(minute: u32, day: u32, next_slot: Timestamp) -> Self {
        Self { minute, day, next_slot }
    }

    /// How many sends may leave now.
    #[must_use]
    pub fn at_once(&self) -> u32 {
        self.minute.min(self.day)
    }
}

/// What a 429 taught: nothing leaves this inbox before then.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lesson {
    /// Whose limit it was.
    pub inbox_id: InboxId,
    /// When to ask again, from `Retry-After` or `resetsAt`.
    pub until: Timestamp,
}

impl Lesson {
    /// Nothing leaves this inbox before then.
    #[must_use]
    pub fn new(inbox_id: impl Into<InboxId>, until: Timestamp) -> Self {
        Self { inbox_id: inbox_id.into(), until }
    }
}

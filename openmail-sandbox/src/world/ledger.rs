use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Refusal,
    address::bare,
    clock::{later, next_utc_day, until, utc_day},
    per_day::PerDay,
};

const MINUTE: Duration = Duration::from_secs(60);

/// What an inbox has sent, and whom it knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The times of today's sends, and of yesterday's within the last minute.
    sends: VecDeque<Timestamp>,
    warm: HashSet<String>,
    cold: PerDay,
}

impl Ledger {
    pub(crate) fn warm(&mut self, address: &str) {
        self.warm.insert(bare(address));
    }

    pub(crate) fn is_warm(&self, bare_address: &str) -> bool {
        self.warm.contains(bare_address)
    }

    pub(crate) fn cold(&self, now: Timestamp) -> u32 {
        self.cold.on(now)
    }

    pub(crate) fn today(&self, now: Timestamp) -> usize {
        self.sends.len() - self.sends.partition_point(|at| utc_day(*at) < utc_day(now))
    }

    /// The sends of the sliding minute.
    pub(crate) fn minute(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.sends.iter().copied().filter(move |at| later(*at, MINUTE) > now)
    }

    pub(crate) fn check(&self, now: Timestamp, burst: u32, daily: u32) -> Result<(), Refusal> {
        if self.today(now) >= daily as usize {
            let wait = until(now, next_utc_day(now));
            return Err(Refusal::limited(
                "rate_limit_exceeded",
                "Daily send limit reached for this inbox",
                wait,
            ));
        }
        sliding(&self.sends, now, burst).map_err(|wait| {
            Refusal::limited("rate_limit_exceeded", "Burst send limit reached for this inbox", wait)
        })
    }

    pub(crate) fn record(&mut self, now: Timestamp, recipients: &[String], cold: u32) {
        let stale = |at: &mut Timestamp| utc_day(*at) < utc_day(now) && later(*at, MINUTE) <= now;
        while self.sends.pop_front_if(stale).is_some() {}
        self.sends.push_back(now);
        self.cold.add(now, cold);
        recipients.iter().for_each(|address| self.warm(address));
    }
}

/// Counts one more into the sliding minute.
pub(crate) fn count_into_minute(
    times: &mut VecDeque<Timestamp>,
    now: Timestamp,
    limit: u32,
) -> Result<(), Duration> {
    while times.pop_front_if(|at| later(*at, MINUTE) <= now).is_some() {}
    sliding(times, now, limit)?;
    times.push_back(now);
    Ok(())
}

/// Whether one more fits into the sliding minute, or how long until it does.
fn sliding(times: &VecDeque<Timestamp>, now: Timestamp, limit: u32) -> Result<(), Duration> {
    let first = times.partition_point(|at| later(*at, MINUTE) <= now);
    match (times.len() - first).checked_sub(limit as usize) {
        None => Ok(()),
        // A limit of nothing leaves no send to wait for.
        Some(over) => Err(times.get(first + over).map_or(MINUTE, |at| until(now, later(*at, MINUTE)))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::Ledger;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_minute_slides_and_the_wait_ends_when_the_oldest_leaves_it() {
        let mut ledger = Ledger::default();
        ledger.record(at("2026-02-24T10:00:00Z"), &[], 0);
        ledger.record(at("2026-02-24T10:00:40Z"), &[], 0);
        let refused = ledger.check(at("2026-02-24T10:00:50Z"), 2, 200).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(10)));
        assert!(ledger.check(at("2026-02-24T10:01:00Z"), 2, 200).is_ok());
    }

    #[test]
    fn the_day_is_the_utc_day() {
        let mut ledger = Ledger::default();
        ledger.record(at("2026-02-24T23:00:00Z"), &[], 0);
        let refused = ledger.check(at("2026-02-24T23:30:00Z"), 10, 1).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1800)));
        assert!(ledger.check(at("2026-02-25T00:00:00Z"), 10, 1).is_ok());
    }
}

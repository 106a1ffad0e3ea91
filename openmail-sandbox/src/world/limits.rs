use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;

use super::{
    Refusal, World,
    address::bare,
    clock::{iso, later, next_utc_day, until, utc_day},
};
use crate::model::Inbox;

const MINUTE: Duration = Duration::from_secs(60);

/// What an inbox has sent, and whom it knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The times of today's sends, and of yesterday's within the last minute.
    sends: VecDeque<Timestamp>,
    warm: HashSet<String>,
    cold_day: i64,
    cold: HashSet<String>,
}

impl Ledger {
    pub(crate) fn warm(&mut self, address: &str) {
        self.warm.insert(bare(address));
    }

    pub(crate) fn is_warm(&self, bare_address: &str) -> bool {
        self.warm.contains(bare_address)
    }

    fn today(&self, now: Timestamp) -> usize {
        self.sends.len() - self.sends.partition_point(|at| utc_day(*at) < utc_day(now))
    }

    fn check(&self, now: Timestamp, burst: u32, daily: u32) -> Result<(), Refusal> {
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

    fn check_cold(&self, now: Timestamp, cold: &BTreeSet<String>, limit: u32) -> Result<(), Refusal> {
        let today = if self.cold_day == utc_day(now) {
            self.cold.union(&cold.iter().cloned().collect()).count()
        } else {
            cold.len()
        };
        if cold.is_empty() || today <= limit as usize {
            return Ok(());
        }
        let resets = next_utc_day(now);
        let message = "Cold outreach limit reached for this inbox";
        Err(Refusal::limited("cold_outreach_limit", message, until(now, resets))
            .with("scope", "inbox")
            .with("limit", limit)
            .with("resetsAt", json!(iso(resets))))
    }

    fn record(&mut self, now: Timestamp, recipients: &[String], cold: BTreeSet<String>) {
        let stale = |at: &mut Timestamp| utc_day(*at) < utc_day(now) && later(*at, MINUTE) <= now;
        while self.sends.pop_front_if(stale).is_some() {}
        self.sends.push_back(now);
        if self.cold_day != utc_day(now) {
            self.cold_day = utc_day(now);
            self.cold.clear();
        }
        self.cold.extend(cold);
        recipients.iter().for_each(|address| self.warm(address));
    }
}

/// What of its limits an inbox has used.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    /// The sends of the sliding minute.
    pub(crate) minute: Vec<Timestamp>,
    pub(crate) today: usize,
    pub(crate) daily: u32,
    pub(crate) cold: usize,
}

impl World {
    pub(crate) fn used(&self, inbox: &Inbox) -> Used {
        let now = self.now();
        let daily = self.daily_limit(inbox);
        let Some(ledger) = self.ledgers.get(&inbox.id) else {
            return Used { minute: Vec::new(), today: 0, daily, cold: 0 };
        };
        let minute = ledger.sends.iter().filter(|at| later(**at, MINUTE) > now);
        Used {
            minute: minute.copied().collect(),
            today: ledger.today(now),
            daily,
            cold: if ledger.cold_day == utc_day(now) { ledger.cold.len() } else { 0 },
        }
    }

    fn daily_limit(&self, inbox: &Inbox) -> u32 {
        if inbox.throttled { self.settings.daily / 4 } else { self.settings.daily }
    }

    /// Refuses a send that would go over one of the inbox's limits. It is refused whole.
    pub(crate) fn check_limits(&self, inbox: &Inbox, cold: &BTreeSet<String>) -> Result<(), Refusal> {
        let Some(ledger) = self.ledgers.get(&inbox.id) else {
            return Ledger::default().check_cold(self.now(), cold, self.settings.cold);
        };
        let now = self.now();
        ledger.check(now, self.settings.burst, self.daily_limit(inbox))?;
        ledger.check_cold(now, cold, self.settings.cold)
    }

    pub(crate) fn record_send(&mut self, inbox_id: &str, recipients: &[String], cold: BTreeSet<String>) {
        let now = self.now();
        self.ledgers.entry(inbox_id.to_owned()).or_default().record(now, recipients, cold);
    }

    /// Counts a request against the whole account's minute.
    pub(crate) fn count_request(&mut self) -> Result<(), Refusal> {
        let Some(limit) = self.settings.account_requests else { return Ok(()) };
        let now = self.now();
        while self.requests.pop_front_if(|at| later(*at, MINUTE) <= now).is_some() {}
        sliding(&self.requests, now, limit).map_err(|wait| {
            Refusal::limited("rate_limit_exceeded", "Too many API requests for this account", wait)
        })?;
        self.requests.push_back(now);
        Ok(())
    }
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
    use std::{collections::BTreeSet, time::Duration};

    use jiff::Timestamp;

    use super::Ledger;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_minute_slides_and_the_wait_ends_when_the_oldest_leaves_it() {
        let mut ledger = Ledger::default();
        ledger.record(at("2026-02-24T10:00:00Z"), &[], BTreeSet::new());
        ledger.record(at("2026-02-24T10:00:40Z"), &[], BTreeSet::new());
        let refused = ledger.check(at("2026-02-24T10:00:50Z"), 2, 200).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(10)));
        assert!(ledger.check(at("2026-02-24T10:01:00Z"), 2, 200).is_ok());
    }

    #[test]
    fn the_day_is_the_utc_day() {
        let mut ledger = Ledger::default();
        ledger.record(at("2026-02-24T23:00:00Z"), &[], BTreeSet::new());
        let refused = ledger.check(at("2026-02-24T23:30:00Z"), 10, 1).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1800)));
        assert!(ledger.check(at("2026-02-25T00:00:00Z"), 10, 1).is_ok());
    }
}

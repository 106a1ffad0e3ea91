use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde_json::json;

use super::{
    Refusal, World,
    clock::{iso, later, next_utc_day, until},
    ledger::count_into_minute,
    settings::Cap,
};
use crate::model::Inbox;

/// How long an inbox and an account count as young.
const YOUTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What of its limits an inbox has used.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    /// The sends of the sliding minute.
    pub(crate) minute: Vec<Timestamp>,
    pub(crate) today: usize,
    pub(crate) daily: u32,
    pub(crate) cold: u32,
    pub(crate) cold_limit: u32,
}

impl World {
    pub(crate) fn used(&self, inbox: &Inbox) -> Used {
        let now = self.now();
        let ledger = self.ledgers.get(&inbox.id);
        Used {
            minute: ledger.map(|ledger| ledger.minute(now).collect()).unwrap_or_default(),
            today: ledger.map(|ledger| ledger.today(now)).unwrap_or_default(),
            daily: self.daily_limit(inbox),
            cold: ledger.map(|ledger| ledger.cold(now)).unwrap_or_default(),
            cold_limit: self.cold_limit(inbox),
        }
    }

    /// What the whole account may write to people who are new to its inboxes today, and has.
    pub(crate) fn account_cold(&self) -> (u32, Option<u32>) {
        (self.cold_today.on(self.now()), self.account_cold_limit())
    }

    /// Refuses a send that would go over one of the limits. It is refused whole.
    pub(crate) fn check_limits(&self, inbox: &Inbox, cold: &BTreeSet<String>) -> Result<(), Refusal> {
        let now = self.now();
        if self.settings.account_daily.is_some_and(|limit| self.sent_today.on(now) >= limit) {
            let message = "Daily send limit reached for this account";
            return Err(Refusal::limited("rate_limit_exceeded", message, until(now, next_utc_day(now))));
        }
        if let Some(ledger) = self.ledgers.get(&inbox.id) {
            ledger.check(now, self.settings.burst, self.daily_limit(inbox))?;
        }
        self.check_cold(inbox, u32::try_from(cold.len()).unwrap_or(u32::MAX))
    }

    /// The inbox's cap, then that of its domain, then the account's: the first that is reached is named.
    fn check_cold(&self, inbox: &Inbox, cold: u32) -> Result<(), Refusal> {
        let now = self.now();
        let of_inbox = self.ledgers.get(&inbox.id).map(|ledger| ledger.cold(now)).unwrap_or_default();
        // Every inbox of a sandbox is on its one domain.
        let of_all = self.cold_today.on(now);
        let caps = [
            ("inbox", "This inbox", of_inbox, Some(self.cold_limit(inbox))),
            ("domain", "This sending domain", of_all, self.settings.cold_domain),
            ("customer", "This account", of_all, self.account_cold_limit()),
        ];
        for (scope, whose, used, limit) in caps {
            if let Some(limit) = limit.filter(|limit| cold > 0 && used.saturating_add(cold) > *limit) {
                let resets = next_utc_day(now);
                let message = format!("{whose} has reached today's limit of new recipients");
                return Err(Refusal::limited("cold_outreach_limit", message, until(now, resets))
                    .with("scope", scope)
                    .with("limit", limit)
                    .with("resetsAt", json!(iso(resets))));
            }
        }
        Ok(())
    }

    fn daily_limit(&self, inbox: &Inbox) -> u32 {
        if self.is_throttled(inbox) { self.settings.daily / 4 } else { self.settings.daily }
    }

    /// An inbox that is no longer young has no cap but that of its sends.
    fn cold_limit(&self, inbox: &Inbox) -> u32 {
        let young = later(inbox.created_at, YOUTH) > self.now();
        let limit = if young { self.settings.cold } else { self.settings.daily.max(self.settings.cold) };
        if self.is_throttled(inbox) { limit / 2 } else { limit }
    }

    fn account_cold_limit(&self) -> Option<u32> {
        let young = later(self.created_at, YOUTH) > self.now();
        match (self.settings.cold_account, self.settings.plan.as_str()) {
            (Cap::Fixed(limit), _) => limit,
            (Cap::ByPlan, "enterprise") => None,
            (Cap::ByPlan, "free") => Some(if young { 30 } else { 100 }),
            (Cap::ByPlan, _) => Some(if young { 150 } else { 500 }),
        }
    }

    pub(crate) fn record_send(&mut self, inbox_id: &str, recipients: &[String], cold: &BTreeSet<String>) {
        let now = self.now();
        let cold = u32::try_from(cold.len()).unwrap_or(u32::MAX);
        self.ledgers.entry(inbox_id.to_owned()).or_default().record(now, recipients, cold);
        self.cold_today.add(now, cold);
        self.sent_today.add(now, 1);
    }

    /// Counts a request against the whole account's minute.
    pub(crate) fn count_request(&mut self) -> Result<(), Refusal> {
        let Some(limit) = self.settings.account_requests else { return Ok(()) };
        let now = self.now();
        count_into_minute(&mut self.requests, now, limit).map_err(|wait| {
            Refusal::limited("rate_limit_exceeded", "Too many API requests for this account", wait)
        })
    }
}

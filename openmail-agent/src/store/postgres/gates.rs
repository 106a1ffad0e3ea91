use async_trait::async_trait;
use jiff::Timestamp;

use crate::limit::{Allowance, Lesson, Quotas};
use crate::model::InboxId;
use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{Hold, HoldScope};

use super::ledger::Ledgers;
use super::pool::{Tx, Verb};
use super::text::plain;
use super::trouble::Trouble;

/// News about a scope counts unless newer news is known, since it comes in any order. A release, whose `until` is 0, is kept:
/// an older hold may still be on its way.
pub(super) const RELEASE: &str = "
    INSERT INTO holds (scope, id, since, until, reason) VALUES ($1, $2, $3, 0, '')
    ON CONFLICT (scope, id) DO UPDATE SET since = excluded.since, until = excluded.until, reason = excluded.reason
    WHERE holds.since <= excluded.since";

/// As a release, and of two of the same moment the longer stands.
const HOLD: &str = "
    INSERT INTO holds (scope, id, since, until, reason) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (scope, id) DO UPDATE SET since = excluded.since, until = excluded.until, reason = excluded.reason
    WHERE (holds.since, holds.until) <= (excluded.since, excluded.until)";

/// A later 429 never shortens what an earlier one imposed.
const LEARN: &str = "
    INSERT INTO inboxes (inbox_id, pause_learned_at, pause_until) VALUES ($1, $2, $3)
    ON CONFLICT (inbox_id) DO UPDATE
    SET pause_learned_at = excluded.pause_learned_at, pause_until = excluded.pause_until
    WHERE inboxes.pause_until IS NULL OR inboxes.pause_until <= excluded.pause_until";

pub(super) async fn hold(tx: &Tx<'_>, hold: &Hold) -> Result<(), Trouble> {
    let (scope, id) = parts(&hold.scope);
    let until = ceil_ms(hold.until);
    let since = floor_ms(hold.since);
    tx.execute(HOLD, &[&scope, &plain(id), &since, &until, &plain(&hold.reason)]).await?;
    Ok(())
}

pub(super) async fn learn(tx: &Tx<'_>, lesson: &Lesson, now: Timestamp) -> Result<(), Trouble> {
    tx.execute(LEARN, &[&plain(lesson.inbox_id.as_str()), &floor_ms(now), &ceil_ms(lesson.until)]).await?;
    Ok(())
}

/// A scope as the table names it.
pub(super) fn parts(scope: &HoldScope) -> (&'static str, &str) {
    match scope {
        HoldScope::Inbox(id) => ("inbox", id.as_str()),
        HoldScope::Pod(id) => ("pod", id.as_str()),
        HoldScope::Account => ("account", ""),
    }
}

#[async_trait]
impl Verb for Hold {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        hold(tx, self).await
    }
}

/// Asks what is left of an inbox's limits.
pub(super) struct Ask<'a> {
    pub(super) inbox_id: &'a InboxId,
    pub(super) quotas: &'a Quotas,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Verb for Ask<'_> {
    type Answer = Allowance;

    async fn run(&self, tx: &Tx<'_>) -> Result<Allowance, Trouble> {
        let inbox_id = plain(self.inbox_id.as_str()).into_owned();
        let mut ledgers = Ledgers::load(tx, std::slice::from_ref(&inbox_id)).await?;
        Ok(ledgers.of(&inbox_id).allowance(self.quotas, self.now))
    }
}

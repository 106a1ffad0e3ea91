use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::book::{LEDGER_LIFE_MS, floor_ms};
use crate::store::{Census, Result, StoreError};

use super::lease::clamp;
use super::pool::{Pool, Tx, Verb};
use super::trouble::Trouble;

const SLOTS: &str = "DELETE FROM ledger WHERE completed_at < $1";

/// The key of a send whose event is not finished, or set aside, is still needed: its handler may come to it again.
const SENDS: &str = "
    DELETE FROM sends WHERE seq IN (
        SELECT s.seq FROM sends s
        WHERE s.state IN ('sent', 'failed')
          AND s.finished_at < CASE WHEN s.state = 'sent' THEN $1::bigint ELSE $2::bigint END
          AND s.finished_at < $1
          AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = s.event_seq AND e.state <> 'done')
        ORDER BY s.finished_at LIMIT $3 FOR UPDATE OF s SKIP LOCKED)";

const DONE: &str = "
    DELETE FROM events WHERE seq IN (
        SELECT seq FROM events WHERE state = 'done' AND finished_at < $1
        ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

const SET_ASIDE: &str = "
    DELETE FROM events WHERE seq IN (
        SELECT seq FROM events WHERE state IN ('parked', 'dead') AND finished_at < $1
        ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Forgets what was finished long ago; names, notes and attachments go with what they belong to.
pub(super) struct Prune {
    pub(super) before: Timestamp,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

#[async_trait]
impl Verb for Prune {
    type Answer = usize;

    async fn run(&self, tx: &Tx<'_>) -> Result<usize, Trouble> {
        let (before, now) = (floor_ms(self.before), floor_ms(self.now));
        let older = before.saturating_sub(now.saturating_sub(before));
        let limit = clamp(self.limit);
        tx.execute(SLOTS, &[&now.saturating_sub(LEDGER_LIFE_MS)]).await?;
        let sends = tx.execute(SENDS, &[&before, &older, &limit]).await?;
        let done = tx.execute(DONE, &[&before, &limit]).await?;
        let left = limit.saturating_sub_unsigned(done);
        let set_aside = if left > 0 { tx.execute(SET_ASIDE, &[&older, &left]).await? } else { 0 };
        Ok(usize::try_from(sends + done + set_aside).unwrap_or(usize::MAX))
    }
}

pub(super) async fn census(pool: &Pool) -> Result<Census> {
    let sql = "SELECT state, count(*) FROM events GROUP BY state
               UNION ALL SELECT state, count(*) FROM sends GROUP BY state";
    let mut census = Census::default();
    for row in pool.query(sql, &[]).await? {
        let read = |row: &tokio_postgres::Row| Ok::<_, Trouble>((row.try_get(0)?, row.try_get::<_, i64>(1)?));
        let (state, count): (String, i64) = read(&row).map_err(StoreError::from)?;
        let count = count.unsigned_abs();
        match state.as_str() {
            "waiting" => census.waiting = count,
            "leased" => census.leased = count,
            "done" => census.done = count,
            "parked" => census.parked = count,
            "dead" => census.dead = count,
            "sent" => census.sent = count,
            "failed" => census.failed = count,
            _ => census.owed += count,
        }
    }
    Ok(census)
}

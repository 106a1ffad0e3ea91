use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::clock;
use crate::limit::CLOCKS_APART;
use crate::store::book::{floor_ms, from_ms};
use crate::store::{WORKER_LIFE, WorkerId};

use super::pool::{Pool, Tx};
use super::trouble::Trouble;

const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Warns where this machine's clock is further from the database's than two clocks may be from each other.
pub(super) async fn compare(pool: &Pool) -> crate::store::Result<()> {
    let asked = Timestamp::now();
    let rows = pool.query(NOW, &[]).await?;
    let answered = Timestamp::now();
    let Some(row) = rows.first() else { return Ok(()) };
    let theirs = from_ms(row.try_get(0).map_err(Trouble::from)?);
    let apart = apart(theirs, asked, answered);
    if apart > CLOCKS_APART {
        warn!(
            seconds = apart.as_secs(),
            "this machine's clock and the database's are apart: processes that share a store may take over mail that is being handled, \
             or count sends by another minute; have all machines set their clocks by the network (NTP)"
        );
    }
    Ok(())
}

// What was written by a clock that ran ahead lies later than any clock may show now: it would keep an inbox silent for as long as that
// one was ahead. It is set right in the rows, since what only one process saw so would be later each time it is looked at. The rule is
// the same for all: what was done later than now was done now, and what waits since then waits as long as it was told to, from now on.
// To a clock that is behind, all others seem to be ahead. So nobody sets anything right whose clock is not the database's, unless nothing
// speaks against it: no other process has been heard of at a time that is yet to come.
//
// In each: $1 now, $2 what the clocks of others may show by then.

/// What is in flight counts whenever it was reserved, and is found once it is completed.
const SLOTS: &str = "
    UPDATE ledger SET completed_at = $1, reserved_at = least(reserved_at, $1)
    WHERE slot IN (SELECT slot FROM ledger WHERE completed_at > $2 FOR UPDATE SKIP LOCKED)
    RETURNING send_seq";

/// No key may be taken for younger than it is: where the first attempt was not when it says, it may have been made as soon as there was
/// something to answer, as the service tells the time. $3 which.
const KEYS: &str = "
    UPDATE sends
    SET first_attempt_at = coalesce((SELECT least(e.occurred_at, $1) FROM events e WHERE e.seq = event_seq), 0)
    WHERE seq = ANY ($3) AND state IN ('owed', 'reserved') AND first_attempt_at > $2";

const PAUSES: &str = "
    UPDATE inboxes SET pause_until = pause_until - (pause_learned_at - $1), pause_learned_at = $1
    WHERE inbox_id IN (SELECT inbox_id FROM inboxes WHERE pause_learned_at > $2 FOR UPDATE SKIP LOCKED)";

/// Inboxes that were found to be at their limit because of these: $1 now.
const UNBLOCK: &str = "
    UPDATE inboxes SET blocked_until = 0
    WHERE inbox_id IN (SELECT inbox_id FROM inboxes WHERE blocked_until > $1 FOR UPDATE SKIP LOCKED)";

const HOLDS: &str = "
    UPDATE holds
    SET until = CASE WHEN until > $1 THEN until - (since - $1) ELSE until END, since = $1
    WHERE since > $2";

/// One that was told to wait by a clock which was right by then is due before it was reserved.
const SENDS: &str = "
    UPDATE sends SET due_at = due_at - (reserved_at - $1), reserved_at = $1
    WHERE seq IN (SELECT seq FROM sends
                  WHERE state = 'owed' AND due_at > $2 AND reserved_at > $2 AND due_at >= reserved_at FOR UPDATE SKIP LOCKED)";

const EVENTS: &str = "
    UPDATE events SET due_at = due_at - (leased_at - $1), leased_at = $1
    WHERE seq IN (SELECT seq FROM events
                  WHERE state = 'waiting' AND due_at > $2 AND leased_at > $2 AND due_at >= leased_at FOR UPDATE SKIP LOCKED)";

/// Whether this clock may say that another was ahead: $1 now, $2 how far apart clocks may be, $3 who asks, $4 until when others may last
/// that were heard of by now.
const MAY_JUDGE: &str = "
    SELECT abs((extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1) <= $2
        OR NOT EXISTS (SELECT 1 FROM workers WHERE worker <> $3 AND lapses_at > $4)";

async fn may_judge(tx: &Tx<'_>, worker: &WorkerId, now: Timestamp) -> Result<bool, Trouble> {
    let apart = i64::try_from(CLOCKS_APART.as_millis()).unwrap_or(i64::MAX);
    let latest = floor_ms(clock::after(now, CLOCKS_APART + WORKER_LIFE));
    let rows = tx.query(MAY_JUDGE, &[&floor_ms(now), &apart, &&*worker.0, &latest]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}

/// Sets right what a clock that ran ahead wrote of sends.
pub(super) async fn set_sends_right(tx: &Tx<'_>, worker: &WorkerId, now: Timestamp) -> Result<(), Trouble> {
    if !may_judge(tx, worker, now).await? {
        return Ok(());
    }
    let (now, latest) = now_and_latest(now);
    let attempted = tx.query(SLOTS, &[&now, &latest]).await?;
    let learned = tx.execute(PAUSES, &[&now, &latest]).await?;
    if !attempted.is_empty() {
        let seqs = attempted.iter().map(|row| Ok(row.try_get(0)?));
        let seqs: Vec<Option<i64>> = seqs.collect::<Result<_, Trouble>>()?;
        tx.execute(KEYS, &[&now, &latest, &seqs]).await?;
    }
    if learned > 0 || !attempted.is_empty() {
        tx.execute(UNBLOCK, &[&now]).await?;
    }
    for sql in [SENDS, HOLDS] {
        tx.execute(sql, &[&now, &latest]).await?;
    }
    Ok(())
}

/// Sets right what a clock that ran ahead wrote of events.
pub(super) async fn set_events_right(tx: &Tx<'_>, worker: &WorkerId, now: Timestamp) -> Result<(), Trouble> {
    if !may_judge(tx, worker, now).await? {
        return Ok(());
    }
    let (now, latest) = now_and_latest(now);
    tx.execute(EVENTS, &[&now, &latest]).await.map(drop)
}

fn now_and_latest(now: Timestamp) -> (i64, i64) {
    (floor_ms(now), floor_ms(clock::after(now, CLOCKS_APART)))
}

/// How far a clock is, at the least, from one that showed these moments before and after it was read.
fn apart(theirs: Timestamp, asked: Timestamp, answered: Timestamp) -> Duration {
    let behind = Duration::try_from(asked.duration_since(theirs));
    let ahead = Duration::try_from(theirs.duration_since(answered));
    behind.or(ahead).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::at;

    #[test]
    fn clocks_are_as_far_apart_as_they_must_be_however_long_the_answer_took() {
        for (theirs, asked, answered, seconds) in [
            (0, 0, 0, 0),
            (5, 0, 10, 0),
            (-1, 0, 10, 1),
            (11, 0, 10, 1),
            (90, 100, 101, 10),
            (90, 80, 80, 10),
        ] {
            let apart = apart(at(theirs), at(asked), at(answered));
            assert_eq!(apart, Duration::from_secs(seconds), "{theirs} {asked} {answered}");
        }
    }
}

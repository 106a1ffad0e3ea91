use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock;
use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{WORKER_LIFE, WorkerId};

use super::pool::{Params, Tx, Verb};
use super::trouble::Trouble;

/// How long the row of a worker is kept that fell silent and has nothing any more.
const FORGOTTEN_AFTER_MS: i64 = 60 * 60 * 1000;

const STANDS: &str = "SELECT 1 FROM workers WHERE worker = $1 AND lapses_at > $2";

const BEAT: &str = "
    INSERT INTO workers (worker, lapses_at) VALUES ($1, $2)
    ON CONFLICT (worker) DO UPDATE SET lapses_at = excluded.lapses_at";

const FORGET: &str = "
    DELETE FROM workers WHERE worker IN (
        SELECT w.worker FROM workers w
        WHERE w.lapses_at <= $2 AND w.worker <> $1
          AND NOT EXISTS (SELECT 1 FROM events e WHERE e.state = 'leased' AND e.leased_by = w.worker)
          AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.state = 'reserved' AND s.reserved_by = w.worker)
        FOR UPDATE OF w SKIP LOCKED)";

/// Whoever asks is alive: $1 who, $2 until, $3 now. Nothing is written or locked while the heartbeat stands.
pub(super) const ATTEND: &str = "
    INSERT INTO workers (worker, lapses_at)
    SELECT $1::text, $2::bigint
    WHERE NOT EXISTS (SELECT 1 FROM workers WHERE worker = $1::text AND lapses_at > $3::bigint)
    ON CONFLICT (worker) DO UPDATE SET lapses_at = excluded.lapses_at";

/// Frees what those had whose heartbeat lapsed: $1 now, $2 who asks. A fence stays good until somebody else takes the event.
/// As an array, so that nothing else is looked at where it is empty.
pub(super) const FREE_EVENTS: &str = "
    UPDATE events SET state = 'waiting', leased_by = NULL
    WHERE seq IN (
        SELECT e.seq FROM events e
        WHERE e.state = 'leased'
          AND e.leased_by = ANY (ARRAY(SELECT worker FROM workers WHERE lapses_at <= $1 AND worker <> $2))
        FOR UPDATE OF e SKIP LOCKED)";

/// As with the events. What was under way may have been sent: its slot counts as completed now that it is found.
pub(super) const FREE_SENDS: &str = "
    WITH freed AS (
        UPDATE sends SET state = 'owed', reserved_by = NULL
        WHERE seq IN (
            SELECT s.seq FROM sends s
            WHERE s.state = 'reserved'
              AND s.reserved_by = ANY (ARRAY(SELECT worker FROM workers WHERE lapses_at <= $1 AND worker <> $2))
            FOR UPDATE OF s SKIP LOCKED)
        RETURNING fence
    )
    UPDATE ledger SET completed_at = greatest($1, reserved_at)
    FROM freed WHERE ledger.slot = freed.fence AND completed_at IS NULL";

/// Until when whoever is heard of now counts as alive.
pub(super) fn lapse(now: Timestamp) -> i64 {
    ceil_ms(clock::after(now, WORKER_LIFE))
}

/// Says that a worker is alive; answers whether the heartbeat before still stood.
pub(super) struct Heartbeat<'a> {
    pub(super) worker: &'a WorkerId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Verb for Heartbeat<'_> {
    type Answer = bool;

    async fn run(&self, tx: &Tx<'_>) -> Result<bool, Trouble> {
        let (worker, now) = (&*self.worker.0, floor_ms(self.now));
        let (lapse, long_ago) = (lapse(self.now), now.saturating_sub(FORGOTTEN_AFTER_MS));
        let (stands, beat) = (tx.prepare(STANDS).await?, tx.prepare(BEAT).await?);
        let forget = tx.prepare(FORGET).await?;
        let (at_now, alive): (Params<'_>, Params<'_>) = (&[&worker, &now], &[&worker, &lapse]);
        let silent: Params<'_> = &[&worker, &long_ago];
        let (stood, ..) = tokio::try_join!(
            biased;
            tx.send(&stands, at_now),
            tx.send(&beat, alive),
            tx.send(&forget, silent),
        )?;
        Ok(!stood.is_empty())
    }
}

/// Says that a worker is going.
pub(super) struct Retire<'a> {
    pub(super) worker: &'a WorkerId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Verb for Retire<'_> {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        let (worker, now) = (&*self.worker.0, floor_ms(self.now));
        tx.execute("UPDATE workers SET lapses_at = $2 WHERE worker = $1", &[&worker, &now]).await?;
        tx.execute(FREE_EVENTS, &[&now, &""]).await?;
        tx.execute(FREE_SENDS, &[&now, &""]).await?;
        Ok(())
    }
}

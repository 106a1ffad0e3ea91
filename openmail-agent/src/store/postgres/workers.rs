use async_trait::async_trait;
use jiff::Timestamp;
use tracing::warn;

use crate::clock;
use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{LONG_SILENCE, WORKER_LIFE, WorkerId};

use super::hand::Hand;
use super::pool::{Params, Tx, Verb};
use super::trouble::Trouble;

/// How long the row of a worker is kept that fell silent and has nothing any more.
const FORGOTTEN_AFTER_MS: i64 = 60 * 60 * 1000;

/// As parameters are.
pub(super) const LONG_SILENCE_MS: i64 = LONG_SILENCE.as_millis() as i64;

const STANDS: &str = "SELECT 1 FROM workers WHERE worker = $1 AND lapses_at > $2";

/// A worker that is heard: $1 who, $2 until when that counts, $3 now, $4 the end of a life of which half is over now.
///
/// A life that was heard without a break goes on. One that is new learns from those that are heard for how long that has been so.
/// Nothing in it lies beyond the life that begins now: what does was written by a clock that has been set back since.
macro_rules! heard {
    ($unless:literal) => {
        concat!(
            "INSERT INTO workers (worker, lapses_at, came_at, judges_from)
             SELECT $1::text, $2::bigint, $3::bigint,
                    least((SELECT min(judges_from) FROM workers WHERE lapses_at > $4::bigint), $2::bigint)
             WHERE NOT (",
            $unless,
            ")
             ON CONFLICT (worker) DO UPDATE
             SET lapses_at = excluded.lapses_at,
                 came_at = least(workers.came_at, excluded.came_at),
                 judges_from = CASE WHEN workers.lapses_at > $4::bigint
                                    THEN least(workers.judges_from, excluded.lapses_at)
                                    ELSE excluded.lapses_at END"
        )
    };
}

const BEAT: &str = heard!("FALSE");

/// Whoever asks is alive. Nothing is written or locked while less than half of its life is over.
pub(super) const ATTEND: &str =
    heard!("EXISTS (SELECT 1 FROM workers WHERE worker = $1::text AND lapses_at > $4::bigint)");

/// Forgets others whose silence was long: $1 who, $2 since when, $3 now. Only one that may judge does: after a silence of all, those who come
/// back later must not seem new.
const FORGET: &str = "
    DELETE FROM workers WHERE worker IN (
        SELECT w.worker FROM workers w
        WHERE w.lapses_at <= $2 AND w.worker <> $1
          AND EXISTS (SELECT 1 FROM workers me WHERE me.worker = $1 AND me.judges_from <= $3)
          AND NOT EXISTS (SELECT 1 FROM events e WHERE e.state = 'leased' AND e.leased_by = w.worker)
          AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.state = 'reserved' AND s.reserved_by = w.worker)
        FOR UPDATE OF w SKIP LOCKED)";

/// Whom the one that asks gives up: $1 who, $2 now, $3 for how long silence is long. As an array, so that nothing else is looked at
/// where it is empty.
macro_rules! given_up {
    () => {
        "ARRAY(SELECT silent.worker FROM workers silent, workers asks
               WHERE asks.worker = $1 AND silent.worker <> $1 AND silent.lapses_at <= $2
                 AND (asks.judges_from <= $2 OR silent.lapses_at <= asks.came_at - $3))"
    };
}

/// A fence stays good until somebody else takes the event.
macro_rules! free_events {
    ($which:expr) => {
        concat!(
            "UPDATE events SET state = 'waiting', leased_by = NULL
             WHERE seq IN (
                 SELECT e.seq FROM events e WHERE e.state = 'leased' AND ",
            $which,
            " FOR UPDATE OF e SKIP LOCKED)"
        )
    };
}

/// As with the events: $2 now. What was under way may have been sent: its slot counts as completed now that it is found.
macro_rules! free_sends {
    ($which:expr) => {
        concat!(
            "WITH freed AS (
                 UPDATE sends SET state = 'owed', reserved_by = NULL
                 WHERE seq IN (
                     SELECT s.seq FROM sends s WHERE s.state = 'reserved' AND ",
            $which,
            " FOR UPDATE OF s SKIP LOCKED)
                 RETURNING fence
             )
             UPDATE ledger SET completed_at = greatest($2, reserved_at)
             FROM freed WHERE ledger.slot = freed.fence AND completed_at IS NULL"
        )
    };
}

pub(super) const FREE_EVENTS: &str = free_events!(concat!("e.leased_by = ANY (", given_up!(), ")"));
pub(super) const FREE_SENDS: &str = free_sends!(concat!("s.reserved_by = ANY (", given_up!(), ")"));

/// What a worker has itself: $1.
const GIVE_EVENTS_BACK: &str = free_events!("e.leased_by = $1");
const GIVE_SENDS_BACK: &str = free_sends!("s.reserved_by = $1");

const ITS_EVENTS: &str = "SELECT seq, fence FROM events WHERE state = 'leased' AND leased_by = $1";
const ITS_SENDS: &str = "SELECT seq, fence FROM sends WHERE state = 'reserved' AND reserved_by = $1";

/// Of what a worker has itself, the strays: $1 who, then their numbers and their fences.
const FREE_STRAY_EVENTS: &str = free_events!(
    "e.leased_by = $1 AND (e.seq, e.fence) IN (SELECT seq, fence FROM unnest($2::bigint[], $3::bigint[]) stray (seq, fence))"
);
/// As with the events: $2 now.
const FREE_STRAY_SENDS: &str = free_sends!(
    "s.reserved_by = $1 AND (s.seq, s.fence) IN (SELECT seq, fence FROM unnest($3::bigint[], $4::bigint[]) stray (seq, fence))"
);

/// When the one that asks may give up the next: $1 now, $2 who.
macro_rules! next_lapse {
    () => {
        "(SELECT min(greatest(others.lapses_at, asks.judges_from)) FROM workers others, workers asks
          WHERE asks.worker = $2 AND others.worker <> $2 AND greatest(others.lapses_at, asks.judges_from) > $1)"
    };
}
pub(super) use next_lapse;

/// What hearing a worker at a moment means.
pub(super) struct Heard {
    pub(super) now: i64,
    /// Until when it counts as alive.
    pub(super) lapse: i64,
    /// When the heartbeat lapses of which half is over.
    pub(super) half: i64,
}

impl Heard {
    pub(super) fn at(now: Timestamp) -> Self {
        let after = |time| ceil_ms(clock::after(now, time));
        Self { now: floor_ms(now), lapse: after(WORKER_LIFE), half: after(WORKER_LIFE / 2) }
    }
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
        let (worker, Heard { now, lapse, half }) = (&*self.worker.0, Heard::at(self.now));
        let long_ago = now.saturating_sub(FORGOTTEN_AFTER_MS);
        let (stands, beat) = (tx.prepare(STANDS).await?, tx.prepare(BEAT).await?);
        let forget = tx.prepare(FORGET).await?;
        let (at_now, alive): (Params<'_>, Params<'_>) = (&[&worker, &now], &[&worker, &lapse, &now, &half]);
        let silent: Params<'_> = &[&worker, &long_ago, &now];
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
        tx.execute(GIVE_EVENTS_BACK, &[&worker]).await?;
        tx.execute(GIVE_SENDS_BACK, &[&worker, &now]).await?;
        Ok(())
    }
}

/// Frees what a worker has leased by the database's word, and does not have in hand.
pub(super) async fn free_stray_events(tx: &Tx<'_>, worker: &WorkerId, hand: &Hand) -> Result<(), Trouble> {
    let worker = &*worker.0;
    let strays = hand.strays(&tx.query(ITS_EVENTS, &[&worker]).await?)?;
    if !strays.is_empty() {
        let (seqs, fences): (Vec<i64>, Vec<i64>) = strays.into_iter().unzip();
        let events = tx.execute(FREE_STRAY_EVENTS, &[&worker, &seqs, &fences]).await?;
        // What was settled since it was looked for is as it should be.
        if events > 0 {
            warn!(
                events,
                "the database has lost what became of events that were settled: they are handled again"
            );
        }
    }
    Ok(())
}

/// As [`free_stray_events`], of what a worker has reserved.
pub(super) async fn free_stray_sends(
    tx: &Tx<'_>,
    worker: &WorkerId,
    hand: &Hand,
    now: i64,
) -> Result<(), Trouble> {
    let worker = &*worker.0;
    let strays = hand.strays(&tx.query(ITS_SENDS, &[&worker]).await?)?;
    if !strays.is_empty() {
        let (seqs, fences): (Vec<i64>, Vec<i64>) = strays.into_iter().unzip();
        let sends = tx.execute(FREE_STRAY_SENDS, &[&worker, &now, &seqs, &fences]).await?;
        if sends > 0 {
            warn!(
                sends,
                "the database has lost what became of sends: they are attempted again, under their keys"
            );
        }
    }
    Ok(())
}

use std::collections::HashSet;

use async_trait::async_trait;

use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{EventOutcome, Lease, NewSend, Note, NoteScope, Settlement};

use super::batch::Shared;
use super::drafts;
use super::pool::{Params, Tx, Verb};
use super::text::plain;
use super::trouble::Trouble;

/// A fence is good until the next one is given, even if the lease lapsed meanwhile.
const SETTLE: &str = "
    UPDATE events e
    SET state = s.state, due_at = s.due_at, finished_at = s.finished_at, error = coalesce(s.error, e.error),
        attempts = e.attempts - s.uncounted, fence = 0, leased_by = NULL
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::int4[])
         AS s (seq, fence, state, due_at, finished_at, error, uncounted)
    WHERE e.seq = s.seq AND e.fence = s.fence AND e.state IN ('waiting', 'leased')
    RETURNING e.seq, s.fence";

/// Keeps anybody else from taking the event until the transaction ends.
const CHECK: &str = "
    SELECT leased_at FROM events WHERE seq = $1 AND fence = $2 AND state IN ('waiting', 'leased') FOR UPDATE";

#[async_trait]
impl Shared for Settlement {
    type Answer = ();

    fn size(&self) -> usize {
        1 + self.sends.len() + self.notes.len()
    }

    async fn run_all(calls: &[Self], tx: &Tx<'_>) -> Result<Vec<Option<()>>, Trouble> {
        // Of two that settle the same lease, the second has lost it.
        let mut unanswered = end_leases(calls, tx).await?;
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let held = unanswered.remove(&(call.lease.seq.0, call.lease.fence)).then_some(());
            if held.is_some() {
                for send in &call.sends {
                    drafts::owe(tx, call.lease.seq.0, send, floor_ms(call.now)).await?;
                }
                for note in &call.notes {
                    put_note(tx, note).await?;
                }
            }
            answers.push(held);
        }
        Ok(answers)
    }
}

/// Ends the leases that are held, and tells which those were.
async fn end_leases(calls: &[Settlement], tx: &Tx<'_>) -> Result<HashSet<(i64, i64)>, Trouble> {
    let mut first = HashSet::new();
    let calls = calls.iter().filter(|call| first.insert((call.lease.seq.0, call.lease.fence)));
    let rows: Vec<_> = calls.map(|call| (&call.lease, Fate::of(call))).collect();
    let seqs: Vec<i64> = rows.iter().map(|(lease, _)| lease.seq.0).collect();
    let fences: Vec<i64> = rows.iter().map(|(lease, _)| lease.fence).collect();
    let states: Vec<&str> = rows.iter().map(|(_, fate)| fate.state).collect();
    let dues: Vec<i64> = rows.iter().map(|(_, fate)| fate.due).collect();
    let finished: Vec<Option<i64>> = rows.iter().map(|(_, fate)| fate.finished).collect();
    let errors: Vec<_> = rows.iter().map(|(_, fate)| fate.error.map(plain)).collect();
    let uncounted: Vec<i32> = rows.iter().map(|(_, fate)| fate.uncounted).collect();
    let params: Params<'_> = &[&seqs, &fences, &states, &dues, &finished, &errors, &uncounted];
    let held = tx.query(SETTLE, params).await?;
    held.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Where an event stands when its lease ends.
struct Fate<'s> {
    state: &'static str,
    due: i64,
    finished: Option<i64>,
    error: Option<&'s str>,
    uncounted: i32,
}

impl<'s> Fate<'s> {
    fn of(settlement: &'s Settlement) -> Self {
        let now = Some(floor_ms(settlement.now));
        let (state, due, finished, error) = match &settlement.outcome {
            EventOutcome::Done => ("done", 0, now, None),
            EventOutcome::Retry { at, error } => ("waiting", ceil_ms(*at), None, Some(&**error)),
            EventOutcome::Defer { at } => ("waiting", ceil_ms(*at), None, None),
            EventOutcome::Dead { error } => ("dead", 0, now, Some(&**error)),
            EventOutcome::Parked { reason } => ("parked", 0, now, Some(&**reason)),
        };
        let uncounted = i32::from(matches!(settlement.outcome, EventOutcome::Defer { .. }));
        Self { state, due, finished, error, uncounted }
    }
}

/// Commits sends while the handler runs.
pub(super) struct Owe<'a> {
    pub(super) lease: &'a Lease,
    pub(super) sends: Vec<NewSend>,
}

#[async_trait]
impl Verb for Owe<'_> {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        let leased_at = check(tx, self.lease).await?;
        for send in &self.sends {
            drafts::owe(tx, self.lease.seq.0, send, leased_at).await?;
        }
        Ok(())
    }
}

/// Keeps a value while the handler runs.
pub(super) struct Remember<'a> {
    pub(super) lease: &'a Lease,
    pub(super) note: Note,
}

#[async_trait]
impl Verb for Remember<'_> {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        check(tx, self.lease).await?;
        put_note(tx, &self.note).await
    }
}

/// Fails unless the lease is the latest on its event; tells when it was given.
async fn check(tx: &Tx<'_>, lease: &Lease) -> Result<i64, Trouble> {
    let rows = tx.query(CHECK, &[&lease.seq.0, &lease.fence]).await?;
    let row = rows.first().ok_or_else(Trouble::lease_lost)?;
    Ok(row.try_get::<_, Option<i64>>(0)?.unwrap_or_default())
}

async fn put_note(tx: &Tx<'_>, note: &Note) -> Result<(), Trouble> {
    let value = &note.value[..];
    tx.expect(value.len()).await?;
    match &note.scope {
        NoteScope::Step { seq, name } => {
            let sql = "INSERT INTO step_notes (seq, name, value) VALUES ($1, $2, $3)
                       ON CONFLICT (seq, name) DO UPDATE SET value = excluded.value";
            tx.execute(sql, &[&seq.0, &plain(name), &value]).await?
        }
        NoteScope::Thread { thread_id, name } => {
            let sql = "INSERT INTO thread_notes (thread_id, name, value) VALUES ($1, $2, $3)
                       ON CONFLICT (thread_id, name) DO UPDATE SET value = excluded.value";
            tx.execute(sql, &[&plain(thread_id.as_str()), &plain(name), &value]).await?
        }
    };
    Ok(())
}

use async_trait::async_trait;

use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{Lease, NewSend, Note, Outcome, Scope, Settlement};

use super::drafts;
use super::pool::{Params, Tx, Verb};
use super::text::plain;
use super::trouble::Trouble;

/// A fence is good until the next one is given, even if the lease ran out meanwhile.
const SETTLE: &str = "
    UPDATE events
    SET state = $3, due_at = $4, finished_at = $5, error = coalesce($6, error), attempts = attempts - $7, fence = 0,
        leased_by = NULL, leased_until = NULL
    WHERE seq = $1 AND fence = $2 AND state IN ('waiting', 'leased')";

/// Keeps anybody else from taking the event until the transaction ends.
const CHECK: &str = "
    SELECT leased_at FROM events WHERE seq = $1 AND fence = $2 AND state IN ('waiting', 'leased') FOR UPDATE";

#[async_trait]
impl Verb for Settlement {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        let now = floor_ms(self.now);
        let (state, due, finished, error) = match &self.outcome {
            Outcome::Done => ("done", 0, Some(now), None),
            Outcome::Retry { at, error } => ("waiting", ceil_ms(*at), None, Some(plain(error))),
            Outcome::Defer { at } => ("waiting", ceil_ms(*at), None, None),
            Outcome::Dead { error } => ("dead", 0, Some(now), Some(plain(error))),
            Outcome::Parked { reason } => ("parked", 0, Some(now), Some(plain(reason))),
        };
        let uncounted = i32::from(matches!(self.outcome, Outcome::Defer { .. }));
        let Lease { seq, fence } = &self.lease;
        let params: Params<'_> = &[&seq.0, fence, &state, &due, &finished, &error, &uncounted];
        if tx.execute(SETTLE, params).await? == 0 {
            return Err(Trouble::lease_lost());
        }
        for send in &self.sends {
            drafts::owe(tx, seq.0, send, now).await?;
        }
        for note in &self.notes {
            put_note(tx, note).await?;
        }
        Ok(())
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
    match &note.scope {
        Scope::Step { seq, name } => {
            let sql = "INSERT INTO step_notes (seq, name, value) VALUES ($1, $2, $3)
                       ON CONFLICT (seq, name) DO UPDATE SET value = excluded.value";
            tx.execute(sql, &[&seq.0, &plain(name), &value]).await?
        }
        Scope::Thread { thread_id, name } => {
            let sql = "INSERT INTO thread_notes (thread_id, name, value) VALUES ($1, $2, $3)
                       ON CONFLICT (thread_id, name) DO UPDATE SET value = excluded.value";
            tx.execute(sql, &[&plain(thread_id.as_str()), &plain(name), &value]).await?
        }
    };
    Ok(())
}

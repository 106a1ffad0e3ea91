use async_trait::async_trait;

use crate::store::WorkerId;

use super::pool::{Pool, Tx, Verb};
use super::trouble::Trouble;

/// $1 role, $2 who, $3 until, $4 now.
const CLAIM: &str = "
    INSERT INTO claims (role, worker, until) VALUES ($1, $2, $3)
    ON CONFLICT (role) DO UPDATE SET worker = excluded.worker, until = excluded.until
    WHERE claims.worker = excluded.worker OR claims.until <= $4
    RETURNING 1";

const GIVE_UP: &str = "DELETE FROM claims WHERE role = $1 AND worker = $2";

/// Takes a role, keeps it, or gives it up.
pub(super) async fn claim(
    pool: &Pool,
    role: &str,
    worker: &WorkerId,
    now: i64,
    until: i64,
) -> crate::store::Result<bool> {
    let worker = &*worker.0;
    if until <= now {
        pool.query(GIVE_UP, &[&role, &worker]).await?;
        return Ok(false);
    }
    Ok(!pool.query(CLAIM, &[&role, &worker, &until, &now]).await?.is_empty())
}

/// Says that a worker is gone for good.
pub(super) struct Bury<'a>(pub(super) &'a WorkerId);

#[async_trait]
impl Verb for Bury<'_> {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        let worker = &*self.0.0;
        let events = "UPDATE events SET state = 'waiting', fence = 0, leased_by = NULL, leased_until = NULL
                      WHERE state = 'leased' AND leased_by = $1";
        tx.execute(events, &[&worker]).await?;
        // What was under way may have been sent: found to be over, it keeps its slot for a minute.
        let sends = "UPDATE sends SET reserved_until = 0 WHERE state = 'reserved' AND reserved_by = $1";
        tx.execute(sends, &[&worker]).await?;
        tx.execute("DELETE FROM claims WHERE worker = $1", &[&worker]).await?;
        Ok(())
    }
}

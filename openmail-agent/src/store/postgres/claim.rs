use jiff::Timestamp;

use crate::store::WorkerId;
use crate::store::book::{ceil_ms, floor_ms};

use super::pool::Pool;

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
    now: Timestamp,
    until: Timestamp,
) -> crate::store::Result<bool> {
    let worker = &*worker.0;
    if until <= now {
        pool.query(GIVE_UP, &[&role, &worker]).await?;
        return Ok(false);
    }
    let (now, until) = (floor_ms(now), ceil_ms(until));
    Ok(!pool.query(CLAIM, &[&role, &worker, &until, &now]).await?.is_empty())
}

use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::clock;
use crate::limit::CLOCKS_APART;
use crate::store::book::{floor_ms, from_ms};

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

/// $1 now, $2 what the clocks of others may show by then. As with what was learned: it lasts as long from now on.
const HOLDS: &str = "
    UPDATE holds
    SET until = CASE WHEN until > $1 AND until < 9223372036854775807 THEN until - (since - $1) ELSE until END, since = $1
    WHERE since > $2";

/// Sets right what was written by a clock that ran ahead, which would keep an inbox silent for as long as it was ahead: what lies
/// later than any clock may show counts from now.
pub(super) async fn set_sends_right(tx: &Tx<'_>, now: Timestamp) -> Result<(), Trouble> {
    let (now, latest) = (floor_ms(now), floor_ms(clock::after(now, CLOCKS_APART)));
    tx.execute(HOLDS, &[&now, &latest]).await?;
    Ok(())
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

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_postgres::Row;

use crate::model::{EventKind, InboxId};
use crate::store::book::from_ms;
use crate::store::{EventSeq, Lane, Lease, LeaseRequest, Leased, Leases, NewEvent};

use super::clocks;
use super::hand::{Asking, Hand, Taken};
use super::pool::{Params, Tx, Verb};
use super::trouble::Trouble;
use super::workers::{ATTEND, FREE_EVENTS, Heard, LONG_SILENCE_MS, free_stray_events, next_lapse};

/// Leases are given by one at a time, so that what each counts is so. All statements travel together: the turn lasts as
/// long as the server needs, not as long as the network does.
const TURN: &str = "SELECT 1 FROM turns WHERE name = 'lease' FOR UPDATE";

/// $1 now, $2 how many, $3 how many of an inbox, $4 who, $5 of which inbox only, beside what is of none.
///
/// Where all are wanted, `active` hops from inbox to inbox over the index. Of each, the oldest that are the first of their lane
/// and due; then the inboxes take turns, the least loaded first.
const LEASE: &str = "
    WITH RECURSIVE active (inbox_id) AS (
        (SELECT inbox_id FROM events WHERE state = 'waiting' AND $5::text IS NULL ORDER BY inbox_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.inbox_id FROM events e WHERE e.state = 'waiting' AND e.inbox_id > active.inbox_id
                ORDER BY e.inbox_id LIMIT 1)
        FROM active WHERE active.inbox_id IS NOT NULL
    ), wanted (inbox_id) AS (
        SELECT inbox_id FROM active WHERE inbox_id IS NOT NULL
        UNION ALL
        SELECT one.inbox_id FROM (VALUES (''), ($5::text)) one (inbox_id) WHERE $5::text IS NOT NULL
    ), ready AS (
        SELECT first.seq, first.occurred_at,
               load.leased + row_number() OVER (PARTITION BY wanted.inbox_id ORDER BY first.occurred_at, first.seq) AS place
        FROM wanted
        CROSS JOIN LATERAL (
            SELECT count(*) AS leased FROM events l WHERE l.state = 'leased' AND l.inbox_id = wanted.inbox_id
        ) load
        CROSS JOIN LATERAL (
            SELECT e.seq, e.occurred_at FROM events e
            WHERE e.state = 'waiting' AND e.inbox_id = wanted.inbox_id AND e.due_at <= $1
              AND NOT EXISTS (
                  SELECT 1 FROM events before
                  WHERE before.lane_id = e.lane_id AND before.state IN ('waiting', 'leased')
                    AND (before.state = 'leased' OR (before.occurred_at, before.seq) < (e.occurred_at, e.seq)))
            ORDER BY e.occurred_at, e.seq
            LIMIT least($2::bigint, $3::bigint)
        ) first
        WHERE load.leased < $3
    ), taken AS (
        SELECT seq, place FROM ready WHERE place <= $3 ORDER BY place, occurred_at, seq LIMIT $2
    )
    UPDATE events e
    SET state = 'leased', attempts = e.attempts + 1, fence = nextval('fences'), leased_by = $4, leased_at = $1
    FROM taken WHERE e.seq = taken.seq AND e.state = 'waiting'
    RETURNING e.seq, e.fence, e.attempts, e.event_id, e.message_id, e.inbox_id, e.lane, e.kind, e.occurred_at,
              e.received_at, e.body, taken.place";

const NEXT_DUE: &str = concat!(
    "SELECT least(",
    next_lapse!(),
    ",           (SELECT min(due_at) FROM events
                  WHERE state = 'waiting' AND due_at > $1 AND ($3::text IS NULL OR inbox_id IN ('', $3::text))))"
);

/// $1 who, $2 which.
const GIVE_BACK: &str = "
    UPDATE events SET state = 'waiting', attempts = attempts - 1, fence = 0, leased_by = NULL
    WHERE state = 'leased' AND leased_by = $1 AND fence = ANY ($2)";

/// Takes what is due.
pub(super) struct Take<'a> {
    pub(super) request: &'a LeaseRequest,
    pub(super) hand: &'a Hand,
    pub(super) asking: &'a Asking,
}

#[async_trait]
impl Verb for Take<'_> {
    type Answer = Leases;

    fn doubt(&self, leases: &Leases) {
        self.hand.doubt(taken(leases));
    }

    async fn run(&self, tx: &Tx<'_>) -> Result<Leases, Trouble> {
        let request = self.request;
        let (worker, Heard { now, lapse, half }) = (&*request.worker.0, Heard::at(request.now));
        let (limit, per_inbox) = (clamp(request.limit), clamp(request.per_inbox));
        if !self.asking.doubtful.is_empty() {
            tx.execute(GIVE_BACK, &[&worker, &self.asking.doubtful]).await?;
        }
        if self.asking.looks {
            free_stray_events(tx, &request.worker, self.hand).await?;
            clocks::set_events_right(tx, &request.worker, request.now).await?;
        }
        let (turn, attend) = (tx.prepare(TURN).await?, tx.prepare(ATTEND).await?);
        let free = tx.prepare(FREE_EVENTS).await?;
        let (lease, next_due) = (tx.prepare(LEASE).await?, tx.prepare(NEXT_DUE).await?);
        let (asking, by): (Params<'_>, Params<'_>) =
            (&[&worker, &lapse, &now, &half], &[&worker, &now, &LONG_SILENCE_MS]);
        let inbox = request.inbox.as_ref().map(InboxId::as_str);
        let wanted: Params<'_> = &[&now, &limit, &per_inbox, &worker, &inbox];
        let awaited: Params<'_> = &[&now, &worker, &inbox];
        let (_, _, _, mut rows, due) = tokio::try_join!(
            biased;
            tx.send(&turn, &[]),
            tx.send(&attend, asking),
            tx.send(&free, by),
            tx.send(&lease, wanted),
            tx.send(&next_due, awaited),
        )?;
        rows.sort_by_cached_key(|row| {
            let number = |column| row.try_get::<_, i64>(column).unwrap_or(i64::MAX);
            (number(11), number(8), number(0))
        });
        let due = due.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten();
        let events = rows.iter().map(leased).collect::<Result<_, _>>()?;
        let leases = Leases { events, next_due: due.map(from_ms) };
        self.hand.take(taken(&leases));
        Ok(leases)
    }
}

fn taken(leases: &Leases) -> impl Iterator<Item = Taken> + Clone {
    leases.events.iter().map(|leased| (leased.lease.seq.0, leased.lease.fence))
}

fn leased(row: &Row) -> Result<Leased, Trouble> {
    let inbox_id: String = row.try_get(5)?;
    Ok(Leased {
        lease: Lease { seq: EventSeq(row.try_get(0)?), fence: row.try_get(1)? },
        attempt: row.try_get::<_, i32>(2)?.unsigned_abs(),
        event: Arc::new(NewEvent {
            event_id: row.try_get::<_, String>(3)?.into(),
            message_id: row.try_get::<_, Option<String>>(4)?.map(Into::into),
            inbox_id: Some(inbox_id).filter(|id| !id.is_empty()).map(Into::into),
            lane: Lane(row.try_get::<_, &str>(6)?.into()),
            kind: EventKind::new(row.try_get::<_, String>(7)?),
            occurred_at: from_ms(row.try_get(8)?),
            received_at: from_ms(row.try_get(9)?),
            body: Bytes::copy_from_slice(row.try_get(10)?),
            parked: None,
        }),
    })
}

pub(super) fn clamp(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

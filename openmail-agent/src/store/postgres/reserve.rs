use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::limit::{Decision, Slot};
use crate::model::InboxId;
use crate::store::book::{KEY_EXPIRED, UNREADABLE, ceil_ms, floor_ms, from_ms};
use crate::store::{Reservation, Reservations, ReserveRequest, SendSeq, is_spent};

use super::clocks;
use super::drafts;
use super::hand::{Asking, Hand, Taken};
use super::lease::clamp;
use super::ledger::Ledgers;
use super::pool::{Tx, Verb};
use super::record::record;
use super::trouble::Trouble;
use super::workers::{ATTEND, FREE_SENDS, Heard, LONG_SILENCE_MS, free_stray_sends, next_lapse};

/// A send that may go as far as its thread, its time ($1) and the holds are concerned.
macro_rules! may_go {
    () => {
        "s.state = 'owed' AND s.due_at <= $1
         AND (s.lane_id IS NULL OR NOT EXISTS (
             SELECT 1 FROM sends before
             WHERE before.lane_id = s.lane_id AND before.state IN ('owed', 'reserved')
               AND (before.state = 'reserved' OR (before.place, before.seq) < (s.place, s.seq))))
         AND NOT EXISTS (
             SELECT 1 FROM holds h
             WHERE h.until > $1 AND (h.scope = 'account' OR (h.scope = 'inbox' AND h.id = s.inbox_id)
                                     OR (h.scope = 'pod' AND h.id = s.pod_id)))"
    };
}

/// Inboxes with something to send that nobody else decides on now: $1 now, $2 how many, $3 and $4 the quotas, $5 which inbox only.
const LOCK: &str = concat!(
    "WITH RECURSIVE owing (inbox_id) AS (
         (SELECT inbox_id FROM sends WHERE state = 'owed' AND $5::text IS NULL ORDER BY inbox_id LIMIT 1)
         UNION ALL
         SELECT (SELECT s.inbox_id FROM sends s WHERE s.state = 'owed' AND s.inbox_id > owing.inbox_id
                 ORDER BY s.inbox_id LIMIT 1)
         FROM owing WHERE owing.inbox_id IS NOT NULL
     )
     SELECT i.inbox_id FROM inboxes i
     WHERE i.inbox_id IN (SELECT inbox_id FROM owing UNION ALL SELECT $5::text)
       AND (i.blocked_until <= $1 OR i.blocked_per_minute <> $3 OR i.blocked_per_day <> $4)
       AND EXISTS (SELECT 1 FROM sends s WHERE s.inbox_id = i.inbox_id AND ",
    may_go!(),
    ")
     ORDER BY i.turn, i.inbox_id LIMIT $2 FOR UPDATE OF i SKIP LOCKED"
);

/// $1 now, $2 how many of an inbox, $3 the inboxes.
const CANDIDATES: &str = concat!(
    "SELECT mine.inbox_id, first.seq, first.first_attempt_at
     FROM unnest($3::text[]) AS mine (inbox_id)
     CROSS JOIN LATERAL (
         SELECT s.seq, s.first_attempt_at FROM sends s WHERE s.inbox_id = mine.inbox_id AND ",
    may_go!(),
    "    ORDER BY s.seq LIMIT $2
     ) first
     ORDER BY first.seq"
);

/// $1 now, $2 who, $3 which.
const TAKE: &str = "
    WITH taken AS (
        UPDATE sends
        SET state = 'reserved', attempts = attempts + 1, fence = nextval('fences'), reserved_by = $2, reserved_at = $1,
            first_attempt_at = coalesce(first_attempt_at, $1)
        WHERE seq = ANY($3) AND state = 'owed'
        RETURNING seq, fence, attempts, first_attempt_at, key, inbox_id, pod_id, handler, draft
    ), slots AS (
        INSERT INTO ledger (slot, inbox_id, send_seq, reserved_at) SELECT fence, inbox_id, seq, $1 FROM taken
    )
    SELECT seq, fence, attempts, first_attempt_at, key, inbox_id, pod_id, handler, draft FROM taken";

const EXPIRED: &str = "
    UPDATE sends SET state = 'failed', finished_at = $1, error = $2, due_at = 0, fence = 0
    WHERE seq = ANY($3) RETURNING seq, key, inbox_id, pod_id, handler, draft";

/// What waits for a time and for nothing else, $3 of which inbox only. A hold matters only where something is owed.
const NEXT_DUE: &str = concat!(
    "SELECT least(",
    next_lapse!(),
    ",           (SELECT min(due_at) FROM sends
                  WHERE state = 'owed' AND due_at > $1 AND ($3::text IS NULL OR inbox_id = $3::text)),
                 (SELECT min(i.blocked_until) FROM inboxes i
                  WHERE i.blocked_until > $1 AND ($3::text IS NULL OR i.inbox_id = $3::text)
                    AND EXISTS (SELECT 1 FROM sends s WHERE s.state = 'owed' AND s.inbox_id = i.inbox_id)),
                 (SELECT min(until) FROM holds
                  WHERE until > $1 AND EXISTS (SELECT 1 FROM sends s WHERE s.state = 'owed')))"
);

/// $1 who, $2 which.
const GIVE_BACK: &str = "
    UPDATE sends SET state = 'owed', attempts = attempts - 1, fence = 0, reserved_by = NULL,
        first_attempt_at = CASE WHEN first_attempt_at = reserved_at THEN NULL ELSE first_attempt_at END
    WHERE state = 'reserved' AND reserved_by = $1 AND fence = ANY ($2)";

/// The inbox may have been found to be at its limit because of them.
const GIVE_BACK_SLOTS: &str = "
    WITH freed AS (DELETE FROM ledger WHERE slot = ANY ($1) AND completed_at IS NULL RETURNING inbox_id)
    UPDATE inboxes SET blocked_until = 0 FROM freed WHERE inboxes.inbox_id = freed.inbox_id AND blocked_until <> 0";

/// Takes what may go.
pub(super) struct Reserve<'a> {
    pub(super) request: &'a ReserveRequest,
    pub(super) hand: &'a Hand,
    pub(super) asking: &'a Asking,
}

#[async_trait]
impl Verb for Reserve<'_> {
    type Answer = Reservations;

    fn doubt(&self, reservations: &Reservations) {
        self.hand.doubt(taken(reservations));
    }

    async fn run(&self, tx: &Tx<'_>) -> Result<Reservations, Trouble> {
        let request = self.request;
        let (worker, Heard { now, lapse, half }) = (&*request.worker.0, Heard::at(request.now));
        if !self.asking.doubtful.is_empty() {
            tx.execute(GIVE_BACK, &[&worker, &self.asking.doubtful]).await?;
            tx.execute(GIVE_BACK_SLOTS, &[&self.asking.doubtful]).await?;
        }
        if self.asking.looks {
            free_stray_sends(tx, &request.worker, self.hand, now).await?;
            clocks::set_sends_right(tx, &request.worker, request.now).await?;
        }
        tx.execute(ATTEND, &[&worker, &lapse, &now, &half]).await?;
        tx.execute(FREE_SENDS, &[&worker, &now, &LONG_SILENCE_MS]).await?;
        let mut reservations = Reservations::default();
        let mut desk = Desk::open(tx, request).await?;
        while reservations.sends.len() < request.limit {
            let (chosen, expired) = desk.choose(tx, request.limit - reservations.sends.len()).await?;
            desk.take(tx, chosen, &mut reservations).await?;
            if expired.is_empty() {
                break;
            }
            // What follows one of these in its thread may go now.
            desk.fail(tx, &expired, &mut reservations).await?;
        }
        desk.close(tx).await?;
        let inbox = request.inbox.as_ref().map(InboxId::as_str);
        let due = tx.query(NEXT_DUE, &[&now, &worker, &inbox]).await?;
        let due = due.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten();
        reservations.next_due = due.map(from_ms);
        self.hand.take(taken(&reservations));
        Ok(reservations)
    }
}

fn taken(reservations: &Reservations) -> impl Iterator<Item = Taken> + Clone {
    reservations.sends.iter().map(|reservation| (reservation.seq.0, reservation.fence))
}

/// The inboxes that are decided on in this transaction, in the order of their turns.
struct Desk<'r> {
    request: &'r ReserveRequest,
    now: i64,
    inboxes: Vec<String>,
    ledgers: Ledgers,
    blocked: HashMap<String, i64>,
    served: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    seq: i64,
    first_attempt_at: Option<i64>,
}

impl Candidate {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.first_attempt_at.is_some_and(|first| is_spent(from_ms(first), now))
    }
}

impl<'r> Desk<'r> {
    async fn open(tx: &Tx<'_>, request: &'r ReserveRequest) -> Result<Self, Trouble> {
        let now = floor_ms(request.now);
        let quotas = request.quotas;
        let (per_minute, per_day) = (i64::from(quotas.per_minute), i64::from(quotas.per_day));
        let inbox = request.inbox.as_ref().map(InboxId::as_str);
        let rows = tx.query(LOCK, &[&now, &clamp(request.limit), &per_minute, &per_day, &inbox]).await?;
        let inboxes = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<_>, Trouble>>()?;
        let ledgers = Ledgers::load(tx, &inboxes).await?;
        Ok(Self { request, now, inboxes, ledgers, blocked: HashMap::new(), served: Vec::new() })
    }

    /// Which may go: the inboxes take turns until none has both a send and a slot, or there are enough. Beside these,
    /// which must not be attempted any more.
    async fn choose(&mut self, tx: &Tx<'_>, limit: usize) -> Result<(Vec<i64>, Vec<i64>), Trouble> {
        let mut queues: HashMap<String, VecDeque<Candidate>> = HashMap::new();
        for row in tx.query(CANDIDATES, &[&self.now, &clamp(limit), &self.inboxes]).await? {
            let candidate = Candidate { seq: row.try_get(1)?, first_attempt_at: row.try_get(2)? };
            queues.entry(row.try_get(0)?).or_default().push_back(candidate);
        }
        let (mut chosen, mut expired) = (Vec::new(), Vec::new());
        while !queues.is_empty() && chosen.len() < limit {
            for inbox_id in &self.inboxes {
                let Some(queue) = queues.get_mut(inbox_id) else { continue };
                let Some(candidate) = queue.pop_front() else {
                    queues.remove(inbox_id);
                    continue;
                };
                if candidate.is_expired(self.request.now) {
                    expired.push(candidate.seq);
                    continue;
                }
                if chosen.len() == limit {
                    break;
                }
                let ledger = self.ledgers.of(inbox_id);
                match ledger.decide(&self.request.quotas, self.request.now) {
                    Decision::Go => {
                        // The fence is not known yet; nothing else is named like this.
                        ledger.reserve(Slot(-candidate.seq), self.request.now);
                        chosen.push(candidate.seq);
                        self.served.push(inbox_id.clone());
                    }
                    Decision::Wait(until) => {
                        self.blocked.insert(inbox_id.clone(), ceil_ms(until));
                        queues.remove(inbox_id);
                    }
                }
            }
        }
        Ok((chosen, expired))
    }

    async fn take(
        &mut self,
        tx: &Tx<'_>,
        chosen: Vec<i64>,
        reservations: &mut Reservations,
    ) -> Result<(), Trouble> {
        if chosen.is_empty() {
            return Ok(());
        }
        let worker = &*self.request.worker.0;
        let rows = tx.query(TAKE, &[&self.now, &worker, &chosen]).await?;
        let mut rows: HashMap<i64, Row> =
            rows.into_iter().map(|row| Ok((row.try_get(0)?, row))).collect::<Result<_, Trouble>>()?;
        for seq in chosen {
            let Some(row) = rows.remove(&seq) else { continue };
            match drafts::read(tx, seq, &row, 4).await? {
                Some(send) => reservations.sends.push(Reservation {
                    seq: SendSeq(seq),
                    fence: row.try_get(1)?,
                    send,
                    attempt: row.try_get::<_, i32>(2)?.unsigned_abs(),
                    first_attempt_at: from_ms(row.try_get(3)?),
                }),
                None => self.set_aside(tx, seq, row.try_get(1)?).await?,
            }
        }
        Ok(())
    }

    /// One that cannot be read must not stop all the others for ever.
    async fn set_aside(&self, tx: &Tx<'_>, seq: i64, fence: i64) -> Result<(), Trouble> {
        tracing::error!(
            seq,
            "a reply that is owed cannot be read, and will not be sent: its row in `sends` is failed"
        );
        tx.execute("DELETE FROM ledger WHERE slot = $1", &[&fence]).await?;
        tx.query(EXPIRED, &[&self.now, &UNREADABLE, &vec![seq]]).await?;
        Ok(())
    }

    async fn fail(
        &self,
        tx: &Tx<'_>,
        expired: &[i64],
        reservations: &mut Reservations,
    ) -> Result<(), Trouble> {
        let mut news = Vec::new();
        for row in tx.query(EXPIRED, &[&self.now, &KEY_EXPIRED, &expired]).await? {
            let Some(send) = drafts::read(tx, row.try_get(0)?, &row, 1).await? else { continue };
            news.extend((self.request.news)(&send, self.request.now));
            reservations.expired.push(send);
        }
        record(tx, &news.iter().collect::<Vec<_>>()).await?;
        Ok(())
    }

    /// Writes down whose turn it was, and who is at the limit.
    async fn close(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        if !self.served.is_empty() {
            let sql = "UPDATE inboxes SET turn = nextval('fences') WHERE inbox_id = ANY($1)";
            tx.execute(sql, &[&self.served]).await?;
        }
        if self.blocked.is_empty() {
            return Ok(());
        }
        let (inboxes, untils): (Vec<&String>, Vec<i64>) =
            self.blocked.iter().map(|(inbox_id, until)| (inbox_id, *until)).unzip();
        let quotas = self.request.quotas;
        tx.execute(
            "UPDATE inboxes i SET blocked_until = full_up.until, blocked_per_minute = $3, blocked_per_day = $4
             FROM unnest($1::text[], $2::bigint[]) AS full_up (inbox_id, until) WHERE i.inbox_id = full_up.inbox_id",
            &[&inboxes, &untils, &i64::from(quotas.per_minute), &i64::from(quotas.per_day)],
        )
        .await?;
        Ok(())
    }
}

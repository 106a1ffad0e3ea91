use async_trait::async_trait;

use crate::store::book::{ceil_ms, floor_ms};
use crate::store::{SendOutcome, SendSettlement};

use super::gates;
use super::pool::{Params, Tx, Verb};
use super::record::record;
use super::text::plain;
use super::trouble::Trouble;

/// The inbox before its sends, as whoever reserves locks them.
const LOCK: &str = "
    SELECT inbox_id FROM inboxes WHERE inbox_id = (SELECT inbox_id FROM sends WHERE seq = $1) FOR UPDATE";

/// A fence is good until the next one is given. A refusal uses no key: its life runs from the first attempt that may have
/// been taken.
const SETTLE: &str = "
    UPDATE sends
    SET state = $3, due_at = $4, finished_at = $5, error = coalesce($6, error), sent_message_id = $7, sent_thread_id = $8,
        first_attempt_at = CASE WHEN $9 AND first_attempt_at = reserved_at THEN NULL ELSE first_attempt_at END,
        fence = 0, reserved_by = NULL
    WHERE seq = $1 AND fence = $2 AND state IN ('owed', 'reserved')";

#[async_trait]
impl Verb for SendSettlement {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        tx.query(LOCK, &[&self.seq.0]).await?;
        let uncounted = matches!(self.outcome, SendOutcome::Retry { counted: false, .. });
        end(tx, self, uncounted).await?;
        if uncounted {
            let cancel = "DELETE FROM ledger WHERE slot = $1 AND completed_at IS NULL";
            tx.execute(cancel, &[&self.fence]).await?;
        } else {
            let complete = "UPDATE ledger SET completed_at = greatest($2, reserved_at)
                            WHERE slot = $1 AND completed_at IS NULL";
            tx.execute(complete, &[&self.fence, &ceil_ms(self.now)]).await?;
        }
        let unblock = "UPDATE inboxes SET blocked_until = 0
                       WHERE inbox_id = (SELECT inbox_id FROM sends WHERE seq = $1) AND blocked_until <> 0";
        tx.execute(unblock, &[&self.seq.0]).await?;
        if let Some(lesson) = &self.lesson {
            gates::learn(tx, lesson, self.now).await?;
        }
        if let Some(hold) = &self.hold {
            gates::hold(tx, hold).await?;
        }
        let news: Vec<_> = self.news.iter().collect();
        record(tx, &news).await?;
        Ok(())
    }
}

async fn end(tx: &Tx<'_>, settlement: &SendSettlement, uncounted: bool) -> Result<(), Trouble> {
    let SendSettlement { seq, fence, .. } = settlement;
    let now = floor_ms(settlement.now);
    let (mut message, mut thread) = (None, None);
    let (state, due, finished, error) = match &settlement.outcome {
        SendOutcome::Sent { message_id, thread_id } => {
            message = message_id.as_ref().map(|id| plain(id.as_str()));
            thread = thread_id.as_ref().map(|id| plain(id.as_str()));
            ("sent", 0, Some(now), None)
        }
        SendOutcome::Retry { at, error, .. } => ("owed", ceil_ms(*at), None, Some(plain(error))),
        SendOutcome::Failed { error } => ("failed", 0, Some(now), Some(plain(error))),
    };
    let params: Params<'_> = &[&seq.0, fence, &state, &due, &finished, &error, &message, &thread, &uncounted];
    if tx.execute(SETTLE, params).await? == 0 { Err(Trouble::lease_lost()) } else { Ok(()) }
}

use std::collections::HashMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::limit::{Ledger, Pause, Slot};
use crate::store::book::from_ms;

use super::pool::{Params, Tx};
use super::trouble::Trouble;

/// When an attempt was reserved and completed.
type Times = RangeInclusive<Timestamp>;

/// What the database knows of some inboxes' sends, as the ledgers that decide.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    inboxes: HashMap<String, Ledger>,
}

impl Ledgers {
    /// Reads them. To decide by them, lock the rows of the inboxes first.
    pub(super) async fn load(tx: &Tx<'_>, inboxes: &[String]) -> Result<Self, Trouble> {
        let params: Params<'_> = &[&inboxes];
        let (slots, pauses) = tokio::try_join!(
            // In the order in which they were completed: a ledger forgets what lies far behind the latest.
            tx.query(
                "SELECT inbox_id, slot, reserved_at, completed_at, send_seq FROM ledger WHERE inbox_id = ANY($1)
                 ORDER BY completed_at NULLS LAST",
                params,
            ),
            tx.query(
                "SELECT inbox_id, pause_learned_at, pause_until FROM inboxes
                 WHERE inbox_id = ANY($1) AND pause_until IS NOT NULL",
                params,
            ),
        )?;
        let mut ledgers = Self::default();
        let mut attempts = HashMap::new();
        slots.iter().try_for_each(|row| ledgers.add_slot(row, &mut attempts))?;
        pauses.iter().try_for_each(|row| ledgers.add_pause(row))?;
        Ok(ledgers)
    }

    pub(super) fn of(&mut self, inbox_id: &str) -> &mut Ledger {
        self.inboxes.entry(inbox_id.to_owned()).or_insert_with(Ledger::shared)
    }

    /// The attempts of one send share a place in the day.
    fn add_slot(&mut self, row: &Row, attempts: &mut HashMap<i64, Times>) -> Result<(), Trouble> {
        let (slot, reserved) = (Slot(row.try_get(1)?), from_ms(row.try_get(2)?));
        let ledger = self.of(row.try_get(0)?);
        ledger.reserve(slot, reserved);
        let Some(completed) = row.try_get(3)? else { return Ok(()) };
        let (completed, send) = (from_ms(completed), row.try_get::<_, Option<i64>>(4)?);
        match send.and_then(|send| attempts.insert(send, reserved..=completed)) {
            Some(earlier) => ledger.complete_again(slot, &earlier, completed),
            None => ledger.complete(slot, completed),
        }
        Ok(())
    }

    fn add_pause(&mut self, row: &Row) -> Result<(), Trouble> {
        let pause = Pause::new(from_ms(row.try_get(1)?), from_ms(row.try_get(2)?));
        self.of(row.try_get(0)?).learn(pause);
        Ok(())
    }
}

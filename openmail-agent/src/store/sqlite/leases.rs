use std::collections::BTreeSet;
use std::fmt::Write as _;

use rusqlite::Connection;

use crate::store::WorkerId;
use crate::store::book::{Book, Index};

/// What is leased, and which rows of the file name it.
///
/// The file is told of all that a transaction leases in one row, which goes when all of it is settled. Nobody waits for
/// that row: it is there for the tries to count when the process dies.
#[derive(Debug, Default)]
pub(super) struct LeaseLog {
    held: Index<i64, Held>,
    /// How much of what a row names is held still.
    rows: Index<i64, usize>,
    next_row: i64,
    /// Held, and not named by any row.
    unnamed: Vec<i64>,
    /// Rows that name something that is not held any more.
    left: BTreeSet<i64>,
    /// Those among them that name an event which waits again, with a try that may not have counted.
    wrong: BTreeSet<i64>,
    /// What the transaction changed, the latest last.
    changes: Vec<Change>,
    /// The first row that the transaction made.
    first_new_row: i64,
    /// Whether the file is to be told now, even if it is told nothing else.
    is_due: bool,
}

#[derive(Debug, Clone)]
struct Held {
    attempt: u32,
    fence: i64,
    /// `None` where it lapsed, and nobody has taken it since.
    worker: Option<WorkerId>,
    row: Option<i64>,
}

#[derive(Debug)]
enum Change {
    Granted { seq: i64, before: Option<Held> },
    Ended { seq: i64, held: Held },
}

impl LeaseLog {
    pub(super) fn grant(&mut self, seq: i64, attempt: u32, fence: i64, worker: WorkerId) {
        let held = Held { attempt, fence, worker: Some(worker), row: None };
        let before = self.held.insert(seq, held);
        if let Some(row) = before.as_ref().and_then(|held| held.row) {
            self.leave(row);
        }
        self.unnamed.push(seq);
        self.changes.push(Change::Granted { seq, before });
    }

    /// It lapsed: a fact, whatever becomes of the transaction.
    pub(super) fn free(&mut self, seq: i64) {
        if let Some(held) = self.held.get_mut(&seq) {
            held.worker = None;
        }
    }

    pub(super) fn end(&mut self, seq: i64, is_finished: bool) {
        let Some(held) = self.held.remove(&seq) else { return };
        if let Some(row) = held.row {
            self.leave(row);
            if !is_finished {
                self.wrong.insert(row);
            }
        }
        self.changes.push(Change::Ended { seq, held });
    }

    /// A moment in the transaction.
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// What was granted since this mark stands, even if the transaction does not: somebody was told.
    pub(super) fn promise(&mut self, mark: usize) {
        self.changes.truncate(mark);
    }

    /// The file is told with the next transaction, even if that writes nothing else.
    pub(super) fn fall_due(&mut self) {
        self.is_due = true;
    }

    pub(super) fn are_due(&self) -> bool {
        self.is_due
    }

    /// Tells the file, within a transaction.
    pub(super) fn write(&mut self, file: &Connection) -> rusqlite::Result<()> {
        self.name(file)?;
        for row in std::mem::take(&mut self.left) {
            if self.rows.get(&row) == Some(&0) {
                self.rows.remove(&row);
                file.prepare_cached("DELETE FROM leases WHERE id = ?1")?.execute([row])?;
            } else if self.wrong.contains(&row) {
                let events = self.held.iter().filter(|(_, held)| held.row == Some(row));
                let events = json(events.map(|(seq, held)| (*seq, held.attempt)));
                file.prepare_cached("UPDATE leases SET events = ?2 WHERE id = ?1")?.execute((row, events))?;
            }
        }
        self.wrong.clear();
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn commit(&mut self) {
        self.changes.clear();
        self.first_new_row = self.next_row;
        self.is_due = false;
    }

    /// The transaction was undone.
    pub(super) fn undo(&mut self) {
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
            match change {
                Change::Granted { seq, before: Some(held) } | Change::Ended { seq, held } => {
                    self.held.insert(seq, held);
                }
                Change::Granted { seq, before: None } => drop(self.held.remove(&seq)),
            }
        }
        self.next_row = self.first_new_row;
        self.rows.clear();
        self.unnamed.clear();
        for (seq, held) in &mut self.held {
            held.row = held.row.filter(|row| *row < self.first_new_row);
            match held.row {
                Some(row) => *self.rows.entry(row).or_default() += 1,
                None => self.unnamed.push(*seq),
            }
        }
        self.left.clear();
        self.wrong.clear();
    }

    /// Puts what is held into a book made of the rows.
    pub(super) fn restore(&self, book: &mut Book) {
        for (seq, held) in &self.held {
            book.restore_lease(*seq, held.attempt, held.fence, held.worker.as_ref());
        }
    }

    /// Names in a row what none names yet.
    fn name(&mut self, file: &Connection) -> rusqlite::Result<()> {
        let mut events = Vec::with_capacity(self.unnamed.len());
        for seq in self.unnamed.drain(..) {
            // It may have been settled since.
            if let Some(held) = self.held.get_mut(&seq).filter(|held| held.row.is_none()) {
                held.row = Some(self.next_row);
                events.push((seq, held.attempt));
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        self.rows.insert(self.next_row, events.len());
        let sql = "INSERT INTO leases (id, events) VALUES (?1, ?2)";
        file.prepare_cached(sql)?.execute((self.next_row, json(events.into_iter())))?;
        self.next_row += 1;
        Ok(())
    }

    fn leave(&mut self, row: i64) {
        if let Some(held) = self.rows.get_mut(&row) {
            *held -= 1;
        }
        self.left.insert(row);
    }
}

fn json(events: impl Iterator<Item = (i64, u32)>) -> String {
    let mut json = String::from("[");
    for (n, (seq, attempt)) in events.enumerate() {
        let comma = if n == 0 { "" } else { "," };
        // Nothing can go wrong with a `String`.
        let _ = write!(json, "{comma}[{seq},{attempt}]");
    }
    json.push(']');
    json
}

use rusqlite::{Connection, Row};

use crate::limit::{Pause, Slot};
use crate::model::{IdempotencyKey, InboxId, ThreadId};
use crate::store::book::{Attempts, Book, Digest, EventEntry, KeptHold, SendEntry, from_ms};
use crate::store::{HoldScope, Lane, WorkerId};

/// Fills an empty book from the rows, which know of no leases.
pub(super) fn load(connection: &Connection, mut book: Book) -> rusqlite::Result<Book> {
    load_numbers(connection, &mut book)?;
    for_each(
        connection,
        "SELECT seq, event_id, message_id, lane, inbox_id, occurred_at, state, attempts, due_at, finished_at
         FROM events",
        |row| load_event(&mut book, row),
    )?;
    for_each(connection, "SELECT seq, event_id FROM event_aliases", |row| {
        book.restore_event_name(Digest::event(row.get_ref(1)?.as_str()?), row.get(0)?);
        Ok(())
    })?;
    for_each(
        connection,
        "SELECT sends.seq, key, thread_id, sends.inbox_id, pod_id, state, attempts, due_at, fence,
                reserved_at, reserved_by, first_attempt_at, finished_at
         FROM sends LEFT JOIN ledger ON ledger.slot = sends.fence",
        |row| load_send(&mut book, row),
    )?;
    book.restored();
    load_gates(connection, &mut book)?;
    Ok(book)
}

/// The latest numbers given, those of forgotten events and sends among them.
fn load_numbers(connection: &Connection, book: &mut Book) -> rusqlite::Result<()> {
    connection.query_row(
        "SELECT max((SELECT value FROM meta WHERE name = 'next_event'), (SELECT coalesce(max(seq), 0) FROM events)),
                max((SELECT value FROM meta WHERE name = 'next_send'), (SELECT coalesce(max(seq), 0) FROM sends))",
        (),
        |row| {
            book.restore_numbers(row.get(0)?, row.get(1)?);
            Ok(())
        },
    )
}

fn load_event(book: &mut Book, row: &Row<'_>) -> rusqlite::Result<()> {
    let seq = row.get(0)?;
    book.restore_event_name(Digest::event(row.get_ref(1)?.as_str()?), seq);
    if let Some(message_id) = row.get_ref(2)?.as_str_or_null()? {
        book.restore_event_name(Digest::message(message_id), seq);
    }
    match row.get_ref(6)?.as_str()? {
        "done" => book.restore_done(seq, row.get(9)?),
        "parked" => book.restore_parked(seq, row.get(9)?),
        "dead" => book.restore_dead(seq, row.get(9)?),
        _ => book.restore_event(EventEntry {
            seq,
            lane: Digest::lane(&Lane(row.get(3)?)),
            inbox_id: row.get::<_, Option<String>>(4)?.map(InboxId::from),
            occurred_at: row.get(5)?,
            attempts: row.get(7)?,
            due: row.get(8)?,
        }),
    }
    Ok(())
}

fn load_send(book: &mut Book, row: &Row<'_>) -> rusqlite::Result<()> {
    let seq = row.get(0)?;
    book.restore_key(Digest::key(&IdempotencyKey::new(row.get::<_, String>(1)?)), seq);
    let thread_id = row.get::<_, Option<String>>(2)?.map(ThreadId::from);
    match row.get_ref(5)?.as_str()? {
        "sent" => book.restore_sent(seq, row.get(12)?),
        "failed" => book.restore_failed(seq, row.get(12)?),
        _ => book.restore_send(SendEntry {
            seq,
            lane: Digest::send_lane(thread_id.as_ref(), seq),
            inbox_id: row.get::<_, String>(3)?.into(),
            pod_id: row.get::<_, Option<String>>(4)?.map(Into::into),
            attempts: row.get(6)?,
            due: row.get(7)?,
            fence: row.get::<_, Option<i64>>(8)?.unwrap_or_default(),
            reserved_at: row.get(9)?,
            reserved_by: row.get::<_, Option<_>>(10)?.map(WorkerId),
            first_attempt_at: row.get(11)?,
        }),
    }
    Ok(())
}

fn load_gates(connection: &Connection, book: &mut Book) -> rusqlite::Result<()> {
    // In the order in which they were completed: a ledger forgets what lies far behind the latest.
    let slots = "SELECT slot, inbox_id, send_seq, reserved_at, completed_at FROM ledger ORDER BY completed_at NULLS LAST";
    let mut attempts = Attempts::default();
    for_each(connection, slots, |row| {
        let (slot, inbox) = (Slot(row.get(0)?), inbox(row, 1)?);
        book.restore_slot(&mut attempts, slot, (&inbox, row.get(2)?), row.get(3)?, row.get(4)?);
        Ok(())
    })?;
    book.restore_attempts(attempts);
    for_each(connection, "SELECT inbox_id, learned_at, until FROM pauses", |row| {
        let pause = Pause::new(from_ms(row.get(1)?), from_ms(row.get(2)?));
        book.restore_pause(&inbox(row, 0)?, pause);
        Ok(())
    })?;
    for_each(connection, "SELECT scope, id, since, until, reason FROM holds", |row| {
        let until = row.get::<_, Option<i64>>(3)?.unwrap_or(i64::MIN);
        book.restore_hold(scope(row)?, KeptHold { since: row.get(2)?, until, reason: row.get(4)? });
        Ok(())
    })
}

fn inbox(row: &Row<'_>, column: usize) -> rusqlite::Result<InboxId> {
    Ok(InboxId::from(row.get::<_, String>(column)?))
}

fn scope(row: &Row<'_>) -> rusqlite::Result<HoldScope> {
    let id = row.get::<_, String>(1)?;
    Ok(match row.get_ref(0)?.as_str()? {
        "inbox" => HoldScope::Inbox(id.into()),
        "pod" => HoldScope::Pod(id.into()),
        _ => HoldScope::Account,
    })
}

fn for_each(
    connection: &Connection,
    sql: &str,
    mut load: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        load(row)?;
    }
    Ok(())
}

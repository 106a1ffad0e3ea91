use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, params};

use crate::limit::{Pause, Slot};
use crate::model::{EventId, EventKind, IdempotencyKey, InboxId, MessageId};
use crate::store::book::{
    Digest, EventFate, EventState, FreshSend, KeptHold, Names, SendFate, Shelf, ceil_ms, floor_ms, from_ms,
};
use crate::store::{
    Bookmark, HoldScope, Lane, NewEvent, NewSend, Note, NoteScope, Result, SendState, WorkerId,
};

use super::drafts;
use super::failure::failed;
use super::leases::LeaseLog;
use super::recent::Recent;

/// The rows in the file, within the transaction that is open on the connection.
#[derive(Debug)]
pub(super) struct SqliteShelf<'w> {
    pub(super) connection: &'w Connection,
    pub(super) leases: &'w mut LeaseLog,
    pub(super) recent: &'w mut Recent,
}

impl SqliteShelf<'_> {
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(failed)
    }

    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<()> {
        self.prepare(sql)?.execute(params).map(drop).map_err(failed)
    }

    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(params, read).map_err(failed)
    }

    fn row_if_any<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.prepare(sql)?.query_row(params, read).optional().map_err(failed)
    }
}

impl Shelf for SqliteShelf<'_> {
    fn put_bookmark(&mut self, bookmark: Bookmark) -> Result<()> {
        self.run(
            "INSERT INTO bookmarks (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (bookmark.name, bookmark.value),
        )
    }

    fn bookmark(&mut self, name: &str) -> Result<Option<String>> {
        self.row_if_any("SELECT value FROM bookmarks WHERE name = ?1", [name], |row| row.get(0))
    }

    fn put_note(&mut self, note: Note) -> Result<()> {
        let value = text_or_blob(&note.value);
        match note.scope {
            NoteScope::Step { seq, name } => self.run(
                "INSERT INTO step_notes (seq, name, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT (seq, name) DO UPDATE SET value = excluded.value",
                params![seq.0, name, value],
            ),
            NoteScope::Thread { thread_id, name } => self.run(
                "INSERT INTO thread_notes (thread_id, name, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT (thread_id, name) DO UPDATE SET value = excluded.value",
                params![thread_id.as_str(), name, value],
            ),
        }
    }

    fn note(&mut self, scope: &NoteScope) -> Result<Option<Bytes>> {
        match scope {
            NoteScope::Step { seq, name } => self.row_if_any(
                "SELECT value FROM step_notes WHERE seq = ?1 AND name = ?2",
                (seq.0, name),
                |row| bytes(row, 0),
            ),
            NoteScope::Thread { thread_id, name } => self.row_if_any(
                "SELECT value FROM thread_notes WHERE thread_id = ?1 AND name = ?2",
                (thread_id.as_str(), name),
                |row| bytes(row, 0),
            ),
        }
    }

    fn add_event(&mut self, seq: i64, _names: Names, event: Arc<NewEvent>) -> Result<()> {
        let received_at = floor_ms(event.received_at);
        let (state, finished_at) =
            if event.parked.is_some() { ("parked", Some(received_at)) } else { ("waiting", None) };
        self.run(
            "INSERT INTO events (seq, event_id, message_id, inbox_id, lane, kind, occurred_at, received_at, state,
                                 finished_at, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                seq,
                event.event_id.as_str(),
                event.message_id.as_ref().map(MessageId::as_str),
                event.inbox_id.as_ref().map(InboxId::as_str),
                event.lane.0,
                event.kind.as_str(),
                floor_ms(event.occurred_at),
                received_at,
                state,
                finished_at,
                event.parked,
            ],
        )?;
        self.run(
            "INSERT INTO event_bodies (seq, body) VALUES (?1, ?2)",
            params![seq, text_or_blob(&event.body)],
        )?;
        if event.parked.is_none() {
            self.recent.put(seq, event);
        }
        Ok(())
    }

    fn add_alias(&mut self, seq: i64, event_id: EventId) -> Result<()> {
        self.run("INSERT INTO event_aliases (seq, event_id) VALUES (?1, ?2)", (seq, event_id.as_str()))
    }

    fn event(&mut self, seq: i64) -> Result<Arc<NewEvent>> {
        if let Some(event) = self.recent.take(seq) {
            return Ok(event);
        }
        self.row(
            "SELECT event_id, message_id, inbox_id, lane, kind, occurred_at, received_at, body
             FROM events JOIN event_bodies USING (seq) WHERE seq = ?1",
            [seq],
            |row| {
                Ok(Arc::new(NewEvent {
                    event_id: row.get::<_, String>(0)?.into(),
                    message_id: row.get::<_, Option<String>>(1)?.map(Into::into),
                    inbox_id: row.get::<_, Option<String>>(2)?.map(Into::into),
                    lane: Lane(row.get(3)?),
                    kind: EventKind::new(row.get::<_, String>(4)?),
                    occurred_at: from_ms(row.get(5)?),
                    received_at: from_ms(row.get(6)?),
                    body: bytes(row, 7)?,
                    parked: None,
                }))
            },
        )
    }

    fn lease_event(&mut self, seq: i64, attempts: u32, fence: i64, worker: &WorkerId) -> Result<()> {
        self.leases.grant(seq, attempts, fence, worker.clone());
        Ok(())
    }

    fn free_event(&mut self, seq: i64) -> Result<()> {
        self.leases.free(seq);
        Ok(())
    }

    fn settle_event(&mut self, seq: i64, fate: EventFate) -> Result<()> {
        self.leases.end(seq, !matches!(fate.state, EventState::Waiting { .. }));
        let (state, due, finished_at) = match fate.state {
            EventState::Waiting { due } => ("waiting", Some(due), None),
            EventState::Done { at } => ("done", None, Some(at)),
            EventState::Parked { at } => ("parked", None, Some(at)),
            EventState::Dead { at } => ("dead", None, Some(at)),
        };
        self.run(
            "UPDATE events SET state = ?2, attempts = ?3, due_at = ?4, finished_at = ?5, error = coalesce(?6, error)
             WHERE seq = ?1",
            (seq, state, fate.attempts, due, finished_at, fate.error),
        )
    }

    fn forget_event(&mut self, seq: i64) -> Result<Vec<Digest>> {
        let (event_id, message_id) =
            self.row("DELETE FROM events WHERE seq = ?1 RETURNING event_id, message_id", [seq], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
            })?;
        let mut names = vec![Digest::event(event_id)];
        names.extend(message_id.map(Digest::message));
        let mut aliases = self.prepare("DELETE FROM event_aliases WHERE seq = ?1 RETURNING event_id")?;
        let aliases = aliases.query_map([seq], |row| row.get::<_, String>(0)).map_err(failed)?;
        for alias in aliases {
            names.push(Digest::event(alias.map_err(failed)?));
        }
        self.run("DELETE FROM event_bodies WHERE seq = ?1", [seq])?;
        self.run("DELETE FROM step_notes WHERE seq = ?1", [seq])?;
        Ok(names)
    }

    fn add_send(&mut self, seq: i64, fresh: FreshSend) -> Result<()> {
        let FreshSend { event_seq, send, stopped_at } = fresh;
        self.run(
            "INSERT INTO sends (seq, event_seq, key, inbox_id, pod_id, thread_id, handler, state, finished_at, error, stopped)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                seq,
                event_seq,
                send.key.as_str(),
                send.inbox_id.as_str(),
                send.pod_id.as_ref().map(AsRef::as_ref) as Option<&str>,
                send.draft.thread_id.as_ref().map(AsRef::as_ref) as Option<&str>,
                send.handler,
                if send.stopped.is_some() { "failed" } else { "owed" },
                stopped_at,
                send.stopped,
                send.stopped.is_some(),
            ],
        )?;
        drafts::put(self, seq, send.draft)
    }

    fn send(&mut self, seq: i64) -> Result<NewSend> {
        let draft = drafts::get(self, seq)?;
        self.row("SELECT key, inbox_id, pod_id, handler FROM sends WHERE seq = ?1", [seq], |row| {
            Ok(NewSend {
                key: IdempotencyKey::new(row.get::<_, String>(0)?),
                inbox_id: row.get::<_, String>(1)?.into(),
                pod_id: row.get::<_, Option<String>>(2)?.map(Into::into),
                handler: row.get(3)?,
                draft,
                stopped: None,
            })
        })
    }

    fn send_state(&mut self, seq: i64) -> Result<SendState> {
        self.row(
            "SELECT state, sent_message_id, sent_thread_id, error, stopped FROM sends WHERE seq = ?1",
            [seq],
            |row| {
                Ok(match row.get_ref(0)?.as_str()? {
                    "sent" => SendState::Sent {
                        message_id: row.get::<_, Option<String>>(1)?.map(Into::into),
                        thread_id: row.get::<_, Option<String>>(2)?.map(Into::into),
                    },
                    "failed" => {
                        let why = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                        SendState::ended(why, row.get(4)?)
                    }
                    _ => SendState::Owed,
                })
            },
        )
    }

    fn send_origin(&mut self, seq: i64) -> Result<(IdempotencyKey, i64)> {
        self.row("SELECT key, event_seq FROM sends WHERE seq = ?1", [seq], |row| {
            Ok((IdempotencyKey::new(row.get::<_, String>(0)?), row.get(1)?))
        })
    }

    fn reserve_send(
        &mut self,
        seq: i64,
        attempts: u32,
        first: i64,
        fence: i64,
        worker: &WorkerId,
    ) -> Result<()> {
        self.run(
            "UPDATE sends SET state = 'reserved', attempts = ?2, first_attempt_at = ?3, fence = ?4, reserved_by = ?5
             WHERE seq = ?1",
            (seq, attempts, first, fence, &worker.0),
        )
    }

    fn age_send(&mut self, seq: i64, first: i64) -> Result<()> {
        self.run("UPDATE sends SET first_attempt_at = ?2 WHERE seq = ?1", params![seq, first])
    }

    fn free_send(&mut self, seq: i64) -> Result<()> {
        self.run("UPDATE sends SET state = 'owed', reserved_by = NULL WHERE seq = ?1", [seq])
    }

    fn settle_send(&mut self, seq: i64, fate: SendFate) -> Result<()> {
        match fate {
            SendFate::Sent { at, message_id, thread_id } => self.run(
                "UPDATE sends SET state = 'sent', finished_at = ?2, sent_message_id = ?3, sent_thread_id = ?4,
                                  due_at = NULL, fence = NULL, reserved_by = NULL
                 WHERE seq = ?1",
                params![
                    seq,
                    at,
                    message_id.as_ref().map(AsRef::as_ref) as Option<&str>,
                    thread_id.as_ref().map(AsRef::as_ref) as Option<&str>,
                ],
            ),
            SendFate::Retry { due, first_attempt_at, error } => self.run(
                "UPDATE sends SET state = 'owed', due_at = ?2, first_attempt_at = ?3, error = ?4,
                                  fence = NULL, reserved_by = NULL
                 WHERE seq = ?1",
                (seq, due, first_attempt_at, error),
            ),
            SendFate::Failed { at, error } => self.run(
                "UPDATE sends SET state = 'failed', finished_at = ?2, error = ?3,
                                  due_at = NULL, fence = NULL, reserved_by = NULL
                 WHERE seq = ?1",
                (seq, at, error),
            ),
        }
    }

    fn forget_send(&mut self, seq: i64) -> Result<()> {
        drafts::remove(self, seq)?;
        self.run("DELETE FROM sends WHERE seq = ?1", [seq])
    }

    fn open_slot(&mut self, slot: Slot, inbox_id: &InboxId, send: i64, reserved_at: i64) -> Result<()> {
        self.run(
            "INSERT INTO ledger (slot, inbox_id, send_seq, reserved_at) VALUES (?1, ?2, ?3, ?4)",
            (slot.0, inbox_id.as_str(), send, reserved_at),
        )
    }

    fn complete_slot(&mut self, slot: Slot, completed_at: i64) -> Result<()> {
        self.run(
            "UPDATE ledger SET completed_at = max(?2, reserved_at) WHERE slot = ?1 AND completed_at IS NULL",
            (slot.0, completed_at),
        )
    }

    fn cancel_slot(&mut self, slot: Slot) -> Result<()> {
        self.run("DELETE FROM ledger WHERE slot = ?1 AND completed_at IS NULL", [slot.0])
    }

    fn forget_slots(&mut self, completed_before: i64) -> Result<()> {
        self.run("DELETE FROM ledger WHERE completed_at < ?1", [completed_before])
    }

    fn put_pause(&mut self, inbox_id: &InboxId, pause: Pause) -> Result<()> {
        self.run(
            "INSERT INTO pauses (inbox_id, learned_at, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (inbox_id) DO UPDATE SET learned_at = excluded.learned_at, until = excluded.until",
            (inbox_id.as_str(), floor_ms(pause.learned_at()), ceil_ms(pause.until())),
        )
    }

    fn put_hold(&mut self, scope: &HoldScope, hold: &KeptHold) -> Result<()> {
        let (scope, id) = match scope {
            HoldScope::Inbox(id) => ("inbox", id.as_str()),
            HoldScope::Pod(id) => ("pod", id.as_str()),
            HoldScope::Account => ("account", ""),
        };
        let until = Some(hold.until).filter(|until| *until != i64::MIN);
        self.run(
            "INSERT OR REPLACE INTO holds (scope, id, held, since, until, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (scope, id, until.is_some(), hold.since, until, &hold.reason),
        )
    }

    fn keep_numbers(&mut self, next_event: i64, next_send: i64) -> Result<()> {
        self.run("UPDATE meta SET value = ?1 WHERE name = 'next_event'", [next_event])?;
        self.run("UPDATE meta SET value = ?1 WHERE name = 'next_send'", [next_send])
    }
}

/// Text where it can be, so that `sqlite3` shows it.
fn text_or_blob(bytes: &Bytes) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match std::str::from_utf8(bytes) {
        Ok(text) => ValueRef::Text(text.as_bytes()),
        Err(_) => ValueRef::Blob(bytes),
    })
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(column)?.as_bytes()?))
}

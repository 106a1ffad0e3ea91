use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::limit::{Pause, Slot};
use crate::model::{EventId, IdempotencyKey, InboxId};
use crate::store::book::{Digest, EventFate, EventState, FreshSend, Index, KeptHold, Names, SendFate, Shelf};
use crate::store::{
    Bookmark, EventSeq, HoldScope, NewEvent, NewSend, Note, NoteScope, Result, SendState, StoreError,
    StoreErrorKind, WorkerId,
};

use super::rows::Rows;

/// The rows in maps. Whatever only a restart would read again is not kept at all.
#[derive(Debug, Default)]
pub(super) struct MemoryShelf {
    bookmarks: HashMap<String, String>,
    notes: HashMap<NoteScope, Bytes>,
    steps: Index<i64, Vec<NoteScope>>,
    events: Rows<EventRow>,
    /// Other names of events, of which few have any.
    aliases: Index<i64, Vec<Digest>>,
    sends: Index<i64, SendRow>,
}

#[derive(Debug)]
struct EventRow {
    names: Names,
    /// Until it is finished.
    event: Option<Arc<NewEvent>>,
}

#[derive(Debug)]
struct SendRow {
    event_seq: i64,
    send: NewSend,
    state: SendState,
}

impl MemoryShelf {
    fn send_row(&mut self, seq: i64) -> Result<&mut SendRow> {
        self.sends.get_mut(&seq).ok_or_else(|| missing("send", seq))
    }
}

impl Shelf for MemoryShelf {
    fn put_bookmark(&mut self, bookmark: Bookmark) -> Result<()> {
        self.bookmarks.insert(bookmark.name, bookmark.value);
        Ok(())
    }

    fn bookmark(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.bookmarks.get(name).cloned())
    }

    fn put_note(&mut self, note: Note) -> Result<()> {
        if let NoteScope::Step { seq: EventSeq(seq), .. } = note.scope {
            self.steps.entry(seq).or_default().push(note.scope.clone());
        }
        self.notes.insert(note.scope, note.value);
        Ok(())
    }

    fn note(&mut self, scope: &NoteScope) -> Result<Option<Bytes>> {
        Ok(self.notes.get(scope).cloned())
    }

    fn add_event(&mut self, seq: i64, names: Names, event: Arc<NewEvent>) -> Result<()> {
        self.events.add(seq, EventRow { names, event: Some(event).filter(|event| event.parked.is_none()) });
        Ok(())
    }

    fn add_alias(&mut self, seq: i64, event_id: EventId) -> Result<()> {
        self.aliases.entry(seq).or_default().push(Digest::event(event_id));
        Ok(())
    }

    fn event(&mut self, seq: i64) -> Result<Arc<NewEvent>> {
        let row = self.events.get_mut(seq);
        row.and_then(|row| row.event.clone()).ok_or_else(|| missing("event", seq))
    }

    fn lease_event(&mut self, _seq: i64, _attempts: u32, _fence: i64, _worker: &WorkerId) -> Result<()> {
        Ok(())
    }

    fn free_event(&mut self, _seq: i64) -> Result<()> {
        Ok(())
    }

    fn settle_event(&mut self, seq: i64, fate: EventFate) -> Result<()> {
        if let (false, Some(row)) =
            (matches!(fate.state, EventState::Waiting { .. }), self.events.get_mut(seq))
        {
            row.event = None;
        }
        Ok(())
    }

    fn forget_event(&mut self, seq: i64) -> Result<Vec<Digest>> {
        for step in self.steps.remove(&seq).unwrap_or_default() {
            self.notes.remove(&step);
        }
        let row = self.events.remove(seq).ok_or_else(|| missing("event", seq))?;
        let mut names = self.aliases.remove(&seq).unwrap_or_default();
        names.extend(row.names.all());
        Ok(names)
    }

    fn add_send(&mut self, seq: i64, fresh: FreshSend) -> Result<()> {
        let FreshSend { event_seq, send, .. } = fresh;
        let state = send.stopped.clone().map_or(SendState::Owed, |reason| SendState::Stopped { reason });
        self.sends.insert(seq, SendRow { event_seq, send, state });
        Ok(())
    }

    fn send(&mut self, seq: i64) -> Result<NewSend> {
        Ok(self.send_row(seq)?.send.clone())
    }

    fn send_state(&mut self, seq: i64) -> Result<SendState> {
        Ok(self.send_row(seq)?.state.clone())
    }

    fn send_origin(&mut self, seq: i64) -> Result<(IdempotencyKey, i64)> {
        let row = self.send_row(seq)?;
        Ok((row.send.key.clone(), row.event_seq))
    }

    fn reserve_send(
        &mut self,
        _seq: i64,
        _attempts: u32,
        _first: i64,
        _fence: i64,
        _worker: &WorkerId,
    ) -> Result<()> {
        Ok(())
    }

    fn age_send(&mut self, _seq: i64, _first: i64) -> Result<()> {
        Ok(())
    }

    fn free_send(&mut self, _seq: i64) -> Result<()> {
        Ok(())
    }

    fn settle_send(&mut self, seq: i64, fate: SendFate) -> Result<()> {
        self.send_row(seq)?.state = match fate {
            SendFate::Sent { message_id, thread_id, .. } => SendState::Sent { message_id, thread_id },
            SendFate::Failed { error, .. } => SendState::Failed { error },
            SendFate::Retry { .. } => SendState::Owed,
        };
        Ok(())
    }

    fn forget_send(&mut self, seq: i64) -> Result<()> {
        self.sends.remove(&seq);
        Ok(())
    }

    fn open_slot(&mut self, _slot: Slot, _inbox_id: &InboxId, _send: i64, _reserved_at: i64) -> Result<()> {
        Ok(())
    }

    fn complete_slot(&mut self, _slot: Slot, _completed_at: i64) -> Result<()> {
        Ok(())
    }

    fn cancel_slot(&mut self, _slot: Slot) -> Result<()> {
        Ok(())
    }

    fn forget_slots(&mut self, _completed_before: i64) -> Result<()> {
        Ok(())
    }

    fn put_pause(&mut self, _inbox_id: &InboxId, _pause: Pause) -> Result<()> {
        Ok(())
    }

    fn put_hold(&mut self, _scope: &HoldScope, _hold: &KeptHold) -> Result<()> {
        Ok(())
    }

    fn keep_numbers(&mut self, _next_event: i64, _next_send: i64) -> Result<()> {
        Ok(())
    }
}

fn missing(what: &'static str, seq: i64) -> StoreError {
    StoreError::because(StoreErrorKind::Corrupt, format!("{what} {seq} is in the index and nowhere else"))
}

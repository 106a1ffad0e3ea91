use std::collections::HashMap;

use crate::limit::{Pause, Slot};
use crate::model::{InboxId, PodId};
use crate::store::{HoldScope, WorkerId};

use super::finished::Finished;
use super::gates::{Counted, SendGroup};
use super::lanes::AT_ONCE;
use super::{Book, Digest, KeptHold, events, from_ms, gates, sends};

/// An unfinished event, as its row tells.
#[derive(Debug)]
pub(crate) struct EventEntry {
    pub(crate) seq: i64,
    pub(crate) lane: Digest,
    pub(crate) inbox_id: Option<InboxId>,
    pub(crate) occurred_at: i64,
    pub(crate) attempts: u32,
    pub(crate) due: Option<i64>,
}

/// An owed send, as its row tells.
#[derive(Debug)]
pub(crate) struct SendEntry {
    pub(crate) seq: i64,
    pub(crate) lane: Digest,
    pub(crate) inbox_id: InboxId,
    pub(crate) pod_id: Option<PodId>,
    pub(crate) attempts: u32,
    pub(crate) due: Option<i64>,
    pub(crate) fence: i64,
    pub(crate) reserved_at: Option<i64>,
    pub(crate) reserved_by: Option<WorkerId>,
    pub(crate) first_attempt_at: Option<i64>,
}

/// The last attempt of each send that may have been counted.
#[derive(Debug, Default)]
pub(crate) struct Attempts(HashMap<i64, Counted>);

/// Making the book anew from the rows.
impl Book {
    pub(crate) fn restore_numbers(&mut self, next_event: i64, next_send: i64) {
        self.events.next_seq = self.events.next_seq.max(next_event);
        self.sends.next_seq = self.sends.next_seq.max(next_send);
    }

    pub(crate) fn restore_event_name(&mut self, name: Digest, seq: i64) {
        self.events.known.insert(name, seq);
    }

    pub(crate) fn restore_event(&mut self, row: EventEntry) {
        let events = &mut self.events;
        let inbox = events.inboxes.number(&row.inbox_id);
        let entry = events::Entry {
            lane: row.lane,
            occurred_at: row.occurred_at,
            inbox,
            attempts: row.attempts,
            fence: 0,
            leased_by: None,
        };
        events.unfinished.insert(row.seq, entry);
        events.lanes.insert(row.lane, (row.occurred_at, row.seq), inbox, row.due.unwrap_or(AT_ONCE));
    }

    /// A lease on an unfinished event that is here already; `None` where it lapsed, and its fence is good still.
    pub(crate) fn restore_lease(&mut self, seq: i64, attempts: u32, fence: i64, worker: Option<&WorkerId>) {
        let Some(entry) = self.events.unfinished.get_mut(&seq) else { return };
        (entry.attempts, entry.fence) = (attempts, fence);
        if let Some(worker) = worker {
            let worker = self.workers.restore(worker);
            entry.leased_by = Some(worker);
            self.events.leased += 1;
            self.events.lanes.occupy(entry.lane, entry.inbox);
        }
    }

    pub(crate) fn restore_done(&mut self, seq: i64, at: i64) {
        self.events.done.restore(at, seq);
    }

    pub(crate) fn restore_parked(&mut self, seq: i64, at: i64) {
        self.events.parked.restore(at, seq);
    }

    pub(crate) fn restore_dead(&mut self, seq: i64, at: i64) {
        self.events.dead.restore(at, seq);
    }

    pub(crate) fn restore_key(&mut self, key: Digest, seq: i64) {
        self.sends.keys.insert(key, seq);
    }

    pub(crate) fn restore_send(&mut self, row: SendEntry) {
        let sends = &mut self.sends;
        let reserved_by = row.reserved_by.map(|worker| self.workers.restore(&worker));
        let group = sends.groups.number(&SendGroup { inbox_id: row.inbox_id, pod_id: row.pod_id });
        let entry = sends::Entry {
            lane: row.lane,
            group,
            attempts: row.attempts,
            fence: row.fence,
            reserved_at: row.reserved_at.unwrap_or_default(),
            reserved_by,
            first_attempt_at: row.first_attempt_at,
            counted: None,
        };
        sends.owed.insert(row.seq, entry);
        sends.lanes.insert(row.lane, (0, row.seq), group, row.due.unwrap_or(AT_ONCE));
        if reserved_by.is_some() {
            sends.lanes.occupy(row.lane, group);
        }
    }

    pub(crate) fn restore_sent(&mut self, seq: i64, at: i64) {
        self.sends.sent.restore(at, seq);
    }

    pub(crate) fn restore_failed(&mut self, seq: i64, at: i64) {
        self.sends.failed.restore(at, seq);
    }

    /// All that is finished was told.
    pub(crate) fn restored(&mut self) {
        let (events, sends) = (&mut self.events, &mut self.sends);
        let finished =
            [&mut events.done, &mut events.parked, &mut events.dead, &mut sends.sent, &mut sends.failed];
        finished.into_iter().for_each(Finished::sort);
    }

    /// Slots come in the order in which they were completed, those in flight last.
    pub(crate) fn restore_slot(
        &mut self,
        attempts: &mut Attempts,
        slot: Slot,
        (inbox_id, send): (&InboxId, Option<i64>),
        reserved_at: i64,
        completed_at: Option<i64>,
    ) {
        let ledger = self.gates.ledger(inbox_id);
        ledger.reserve(slot, from_ms(reserved_at));
        let Some(completed_at) = completed_at else { return };
        let earlier = send.and_then(|send| attempts.0.insert(send, Counted { reserved_at, completed_at }));
        gates::complete(ledger, slot, earlier, from_ms(completed_at));
    }

    /// The sends that are owed know the last of their attempts that may have been counted.
    pub(crate) fn restore_attempts(&mut self, attempts: Attempts) {
        for (seq, last) in attempts.0 {
            if let Some(entry) = self.sends.owed.get_mut(&seq) {
                entry.counted = Some(last);
            }
        }
    }

    pub(crate) fn restore_pause(&mut self, inbox_id: &InboxId, pause: Pause) {
        self.gates.restore_pause(inbox_id, pause);
    }

    pub(crate) fn restore_hold(&mut self, scope: HoldScope, hold: KeptHold) {
        self.gates.restore_hold(scope, hold);
    }
}

/// What a book made anew must have in common with the one that wrote the rows.
#[cfg(test)]
impl Book {
    /// How often each unfinished event was tried.
    pub(crate) fn tries(&self) -> std::collections::BTreeMap<i64, u32> {
        self.events.unfinished.iter().map(|(seq, entry)| (*seq, entry.attempts)).collect()
    }

    pub(crate) fn snapshot(&self) -> Vec<String> {
        fn sorted<T: std::fmt::Debug>(entries: impl IntoIterator<Item = T>) -> Vec<String> {
            let mut lines: Vec<_> = entries.into_iter().map(|entry| format!("{entry:?}")).collect();
            lines.sort_unstable();
            lines
        }
        let (events, sends) = (&self.events, &self.sends);
        let mut lines = vec![format!("{:?}", (events.next_seq, sends.next_seq, self.census()))];
        lines.push(format!("{:?}", (&events.done, &events.parked, &events.dead)));
        lines.push(format!("{:?}", (&sends.sent, &sends.failed)));
        lines.extend(sorted(&events.known));
        lines.extend(sorted(&sends.keys));
        lines.extend(sorted(events.unfinished.iter().map(|(seq, entry)| {
            (seq, entry.lane, entry.occurred_at, entry.attempts, entry.fence, entry.leased_by)
        })));
        lines.extend(sorted(sends.owed.iter().map(|(seq, entry)| {
            (seq, entry.lane, entry.attempts, entry.fence, entry.reserved_by, entry.first_attempt_at)
        })));
        lines.extend(sorted(events.lanes.snapshot()));
        lines.extend(sorted(sends.lanes.snapshot()));
        lines.extend(self.gates.snapshot());
        lines
    }
}

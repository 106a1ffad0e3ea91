use jiff::Timestamp;

use crate::limit::{Quotas, Slot};
use crate::store::{
    Census, NewSend, Reservation, Reservations, ReserveRequest, Result, SendOutcome, SendSeq, SendSettlement,
    StoreError, StoreErrorKind, is_spent,
};

use super::finished::Finished;
use super::gates::{Counted, Gates, SendGroup};
use super::interner::Interner;
use super::lanes::{APART, AT_ONCE, Lanes};
use super::{Digest, FreshSend, Index, SendFate, Shelf, ceil_ms, floor_ms, from_ms};

pub(crate) const KEY_EXPIRED: &str = "not attempted again: the first attempt is almost 24 hours old, and the service forgets the \
                           idempotency key then, so that another one could send the mail twice";

pub(crate) const UNREADABLE: &str = "not attempted: the stored draft cannot be read";

/// Sends that are owed, and the keys of all that are kept.
#[derive(Debug, Default)]
pub(super) struct Sends {
    pub(super) owed: Index<i64, Entry>,
    pub(super) lanes: Lanes,
    pub(super) groups: Interner<SendGroup>,
    pub(super) keys: Index<Digest, i64>,
    pub(super) sent: Finished,
    pub(super) failed: Finished,
    pub(super) next_seq: i64,
    /// The quotas by which inboxes were found to be at their limit.
    pub(super) quotas: Option<Quotas>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) lane: Digest,
    pub(super) group: u32,
    pub(super) attempts: u32,
    /// The latest reservation's, and its slot's in the ledger; 0 where there is none that could still be settled.
    pub(super) fence: i64,
    pub(super) reserved_at: i64,
    /// Which worker has it, while one has.
    pub(super) reserved_by: Option<u32>,
    pub(super) first_attempt_at: Option<i64>,
    /// The last attempt that may have been counted, while another is to follow.
    pub(super) counted: Option<Counted>,
}

impl Entry {
    /// The attempt in hand may have been counted. Tells which one it takes the place of. One that lapsed has done so already.
    fn count(&mut self, now: Timestamp) -> Option<Counted> {
        self.reserved_by?;
        let completed_at = floor_ms(now).max(self.reserved_at);
        self.counted.replace(Counted { reserved_at: self.reserved_at, completed_at })
    }
}

/// A send whose turn it is.
enum Drawn {
    Fit(NewSend),
    /// It must not be attempted, and why.
    Unfit(Option<NewSend>, String),
}

impl Sends {
    /// Commits a send, unless its key is known.
    pub(super) fn owe(
        &mut self,
        shelf: &mut impl Shelf,
        event_seq: i64,
        send: NewSend,
        now: i64,
    ) -> Result<()> {
        let key = Digest::key(&send.key);
        if self.keys.contains_key(&key) {
            return Ok(());
        }
        self.next_seq += 1;
        let seq = self.next_seq;
        self.keys.insert(key, seq);
        let stopped_at = send.stopped.as_ref().map(|_| now);
        match stopped_at {
            Some(at) => self.failed.add(at, seq),
            None => self.await_turn(seq, &send),
        }
        shelf.add_send(seq, FreshSend { event_seq, send, stopped_at })
    }

    pub(super) fn reserve(
        &mut self,
        shelf: &mut impl Shelf,
        gates: &mut Gates,
        request: &ReserveRequest,
        worker: u32,
        fences: &mut i64,
    ) -> Result<Reservations> {
        let (is_first_look, before) = (self.quotas.is_none(), self.lanes.now());
        if self.lanes.set_time(floor_ms(request.now)) || is_first_look {
            self.set_right(shelf, gates, before, request.now)?;
        }
        if self.quotas.replace(request.quotas) != Some(request.quotas) {
            self.lanes.unblock_all();
        }
        let wanted = request.inbox.as_ref().map(|inbox_id| self.groups.those(|it| it.inbox_id == *inbox_id));
        let mut reservations = Reservations::default();
        while reservations.sends.len() < request.limit {
            let turn = match &wanted {
                Some(wanted) => self.lanes.turn_among(wanted),
                None => self.lanes.turn(),
            };
            let Some(turn) = turn else { break };
            let group = self.groups.name(turn.group);
            if let Some(until) = gates.waits_until(group, &request.quotas, request.now) {
                self.lanes.block(turn.group, until);
                continue;
            }
            let Some((lane, (_, seq))) = self.lanes.take(turn.group) else { break };
            match self.draw(shelf, seq, request.now)? {
                Drawn::Fit(send) => {
                    *fences += 1;
                    reservations.sends.push(self.grant(
                        shelf,
                        gates,
                        (seq, send),
                        *fences,
                        request,
                        worker,
                    )?);
                }
                Drawn::Unfit(send, error) => {
                    self.lanes.release(lane, turn.group);
                    self.end(shelf, seq, SendFate::Failed { at: floor_ms(request.now), error })?;
                    reservations.expired.extend(send);
                }
            }
        }
        let due = match &wanted {
            Some(wanted) => self.lanes.next_due_among(wanted),
            None => self.lanes.next_due(),
        };
        reservations.next_due = due.map(from_ms);
        Ok(reservations)
    }

    /// Frees what a worker has that was given up, or goes. It may have been sent: its slot counts as completed now that it
    /// is found.
    pub(super) fn free(
        &mut self,
        shelf: &mut impl Shelf,
        gates: &mut Gates,
        worker: u32,
        now: Timestamp,
    ) -> Result<()> {
        for (seq, entry) in &mut self.owed {
            if entry.reserved_by == Some(worker) {
                let inbox_id = &self.groups.name(entry.group).inbox_id;
                gates.complete_slot(shelf, Slot(entry.fence), inbox_id, entry.count(now), now)?;
                entry.reserved_by = None;
                self.lanes.release(entry.lane, entry.group);
                shelf.free_send(*seq)?;
            }
        }
        Ok(())
    }

    /// Fails unless the reservation is the latest of its send. One that lapsed is good until somebody else takes it.
    pub(super) fn check(&self, seq: SendSeq, fence: i64) -> Result<()> {
        match self.owed.get(&seq.0) {
            Some(entry) if entry.fence == fence => Ok(()),
            _ => Err(StoreError::new(StoreErrorKind::LeaseLost)),
        }
    }

    /// Ends a reservation that was [checked](Self::check).
    pub(super) fn settle(
        &mut self,
        shelf: &mut impl Shelf,
        gates: &mut Gates,
        settlement: &SendSettlement,
    ) -> Result<()> {
        let seq = settlement.seq.0;
        let before = self.lanes.now();
        if self.lanes.was_set_back(floor_ms(settlement.now)) {
            self.set_right(shelf, gates, before, settlement.now)?;
        }
        let entry = self.owed.get_mut(&seq).ok_or(StoreErrorKind::LeaseLost)?;
        let inbox_id = &self.groups.name(entry.group).inbox_id;
        let uncounted = matches!(settlement.outcome, SendOutcome::Retry { counted: false, .. });
        let slot = Slot(entry.fence);
        if uncounted {
            gates.cancel_slot(shelf, slot, inbox_id)?;
            self.lanes.unblock_all();
        } else {
            let earlier = entry.count(settlement.now);
            gates.complete_slot(shelf, slot, inbox_id, earlier, settlement.now)?;
            self.lanes.unblock(entry.group);
        }
        // A refusal uses no key: the 24 hours run from the first attempt that may have been taken.
        let first_attempt_at =
            entry.first_attempt_at.filter(|first| !uncounted || *first != entry.reserved_at);
        self.end(shelf, seq, fate(&settlement.outcome, first_attempt_at, floor_ms(settlement.now)))
    }

    /// Forgets at most `limit` sends: those sent before `before`, and those that failed before `older`.
    ///
    /// The key of a send whose event is not finished, or set aside (`is_open`), is still needed: its handler may come to it again.
    pub(super) fn prune(
        &mut self,
        shelf: &mut impl Shelf,
        before: i64,
        older: i64,
        limit: usize,
        is_open: impl Fn(i64) -> bool,
    ) -> Result<usize> {
        let mut left = limit;
        for (queue, before) in [(&mut self.sent, before), (&mut self.failed, older)] {
            let mut needed = Vec::new();
            while left > 0
                && let Some((finished_at, seq)) = queue.take_before(before)
            {
                let (key, event_seq) = shelf.send_origin(seq)?;
                if is_open(event_seq) {
                    needed.push((finished_at, seq));
                    continue;
                }
                shelf.forget_send(seq)?;
                self.keys.remove(&Digest::key(&key));
                left -= 1;
            }
            queue.put_back(needed);
        }
        Ok(limit - left)
    }

    pub(super) fn census(&self, census: &mut Census) {
        census.owed = self.owed.len() as u64;
        census.sent = self.sent.len();
        census.failed = self.failed.len();
    }

    /// The clock was set back, or may have been before this book was made: what was counted by the one before counts by this one.
    fn set_right(
        &mut self,
        shelf: &mut impl Shelf,
        gates: &mut Gates,
        before: i64,
        now: Timestamp,
    ) -> Result<()> {
        self.lanes.unblock_all();
        let ahead = before.saturating_sub(floor_ms(now));
        self.age_keys(shelf, if ahead > APART { ahead } else { 0 }, floor_ms(now))?;
        gates.set_time(shelf, now)
    }

    /// No key may be taken for younger than it is: what was attempted by a clock that ran ahead was so earlier than it says. It was by
    /// as much as the clock is set back; those that were attempted by a right one pass for a little older than they are. Where that is
    /// not known, the first attempt may have been made as soon as there was something to answer.
    fn age_keys(&mut self, shelf: &mut impl Shelf, ahead: i64, now: i64) -> Result<()> {
        let latest = now.saturating_add(APART);
        for (seq, entry) in &mut self.owed {
            let Some(first) = entry.first_attempt_at else { continue };
            let aged = match first.saturating_sub(ahead) {
                aged if aged <= latest => aged,
                _ => began(shelf, *seq)?.min(now),
            };
            if aged != first {
                entry.first_attempt_at = Some(aged);
                entry.reserved_at = entry.reserved_at.saturating_sub(ahead);
                shelf.age_send(*seq, aged)?;
            }
        }
        Ok(())
    }

    fn await_turn(&mut self, seq: i64, send: &NewSend) {
        let group = SendGroup { inbox_id: send.inbox_id.clone(), pod_id: send.pod_id.clone() };
        let entry = Entry {
            lane: Digest::send_lane(send.draft.thread_id.as_ref(), seq),
            group: self.groups.number(&group),
            attempts: 0,
            fence: 0,
            reserved_at: 0,
            reserved_by: None,
            first_attempt_at: None,
            counted: None,
        };
        self.owed.insert(seq, entry);
        self.lanes.insert(entry.lane, (0, seq), entry.group, AT_ONCE);
    }

    fn draw(&self, shelf: &mut impl Shelf, seq: i64, now: Timestamp) -> Result<Drawn> {
        let first = self.owed.get(&seq).and_then(|entry| entry.first_attempt_at);
        let expired = first.is_some_and(|first| is_spent(from_ms(first), now));
        match shelf.send(seq) {
            Ok(send) if expired => Ok(Drawn::Unfit(Some(send), KEY_EXPIRED.to_owned())),
            Ok(send) => Ok(Drawn::Fit(send)),
            // One that cannot be read must not stop all the others for ever.
            Err(error) if *error.kind() == StoreErrorKind::Corrupt => {
                tracing::error!(seq, %error, "a reply that is owed cannot be read, and will not be sent: its row in `sends` is failed");
                Ok(Drawn::Unfit(None, UNREADABLE.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    fn grant(
        &mut self,
        shelf: &mut impl Shelf,
        gates: &mut Gates,
        (seq, send): (i64, NewSend),
        fence: i64,
        request: &ReserveRequest,
        worker: u32,
    ) -> Result<Reservation> {
        let entry = self.owed.get_mut(&seq).ok_or(StoreErrorKind::Corrupt)?;
        let now = floor_ms(request.now);
        entry.attempts += 1;
        entry.fence = fence;
        entry.reserved_at = now;
        entry.reserved_by = Some(worker);
        let first = *entry.first_attempt_at.get_or_insert(now);
        shelf.reserve_send(seq, entry.attempts, first, fence, &request.worker)?;
        let inbox_id = &self.groups.name(entry.group).inbox_id;
        gates.open_slot(shelf, Slot(fence), (inbox_id, seq), request.now)?;
        Ok(Reservation {
            seq: SendSeq(seq),
            fence,
            send,
            attempt: entry.attempts,
            first_attempt_at: from_ms(first),
        })
    }

    /// Applies a fate to a send whose lane may be busy with it.
    fn end(&mut self, shelf: &mut impl Shelf, seq: i64, fate: SendFate) -> Result<()> {
        let Some(mut entry) = self.owed.remove(&seq) else { return Ok(()) };
        let reserved_by = entry.reserved_by.take();
        match fate {
            SendFate::Retry { due, first_attempt_at, .. } => {
                entry.fence = 0;
                entry.first_attempt_at = first_attempt_at;
                self.owed.insert(seq, entry);
                self.lanes.postpone(entry.lane, (0, seq), due);
            }
            SendFate::Sent { at, .. } => self.sent.add(at, seq),
            SendFate::Failed { at, .. } => self.failed.add(at, seq),
        }
        if !matches!(fate, SendFate::Retry { .. }) {
            self.lanes.remove(entry.lane, (0, seq));
        }
        if reserved_by.is_some() {
            self.lanes.release(entry.lane, entry.group);
        }
        shelf.settle_send(seq, fate)
    }
}

/// When what a send answers happened, as the service tells the time; long ago where that is not kept any more.
fn began(shelf: &mut impl Shelf, seq: i64) -> Result<i64> {
    let (_, event_seq) = shelf.send_origin(seq)?;
    match shelf.event(event_seq) {
        Ok(event) => Ok(floor_ms(event.occurred_at)),
        Err(error) if *error.kind() == StoreErrorKind::Corrupt => Ok(0),
        Err(error) => Err(error),
    }
}

fn fate(outcome: &SendOutcome, first_attempt_at: Option<i64>, now: i64) -> SendFate {
    match outcome.clone() {
        SendOutcome::Sent { message_id, thread_id } => SendFate::Sent { at: now, message_id, thread_id },
        SendOutcome::Retry { at, error, .. } => SendFate::Retry { due: ceil_ms(at), first_attempt_at, error },
        SendOutcome::Failed { error } => SendFate::Failed { at: now, error },
    }
}

use std::sync::Arc;

use crate::model::InboxId;
use crate::store::{
    Census, EventOutcome, Lease, LeaseRequest, Leased, Leases, NewEvent, Recorded, Result, StoreErrorKind,
    WorkerId,
};
use crate::store::{EventSeq, StoreError};

use super::finished::Finished;
use super::interner::Interner;
use super::lanes::{AT_ONCE, Lanes};
use super::{Digest, EventFate, EventState, Index, Names, Shelf, ceil_ms, floor_ms, from_ms};

const UNREADABLE: &str = "the stored event cannot be read";

/// Events that wait or are leased, and the names of all that are kept.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) unfinished: Index<i64, Entry>,
    pub(super) lanes: Lanes,
    pub(super) inboxes: Interner<Option<InboxId>>,
    /// How many of them are leased.
    pub(super) leased: u64,
    pub(super) known: Index<Digest, i64>,
    pub(super) done: Finished,
    pub(super) parked: Finished,
    pub(super) dead: Finished,
    pub(super) next_seq: i64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) lane: Digest,
    pub(super) occurred_at: i64,
    pub(super) inbox: u32,
    pub(super) attempts: u32,
    /// The latest lease's; 0 where there is none that could still be settled.
    pub(super) fence: i64,
    /// Which worker has it, while one has.
    pub(super) leased_by: Option<u32>,
}

impl Events {
    pub(super) fn record(&mut self, shelf: &mut impl Shelf, event: Arc<NewEvent>) -> Result<Recorded> {
        let names = Names::of(&event);
        if self.known.contains_key(&names.event) {
            return Ok(Recorded::Known);
        }
        if let Some(&seq) = names.message.and_then(|message| self.known.get(&message)) {
            self.known.insert(names.event, seq);
            shelf.add_alias(seq, event.event_id.clone())?;
            return Ok(Recorded::Known);
        }
        self.next_seq += 1;
        let seq = self.next_seq;
        self.known.extend(names.all().map(|name| (name, seq)));
        match event.parked {
            Some(_) => self.parked.add(floor_ms(event.received_at), seq),
            None => self.await_turn(seq, &event),
        }
        shelf.add_event(seq, names, event)?;
        Ok(Recorded::New(EventSeq(seq)))
    }

    pub(super) fn lease(
        &mut self,
        shelf: &mut impl Shelf,
        request: &LeaseRequest,
        worker: u32,
        fences: &mut i64,
    ) -> Result<Leases> {
        self.lanes.set_time(floor_ms(request.now));
        let wanted =
            request.inbox.clone().map(|inbox| [None, Some(inbox)].map(|id| self.inboxes.number(&id)));
        let mut events = Vec::new();
        while events.len() < request.limit {
            let turn = wanted.map_or_else(|| self.lanes.turn(), |wanted| self.lanes.turn_among(&wanted));
            let turn = turn.filter(|turn| (turn.load as usize) < request.per_inbox);
            let Some((_, (_, seq))) = turn.and_then(|turn| self.lanes.take(turn.group)) else { break };
            *fences += 1;
            match self.grant(shelf, seq, *fences, (worker, &request.worker)) {
                Ok(leased) => events.push(leased),
                // One that cannot be read must not stop all the others for ever.
                Err(error) if *error.kind() == StoreErrorKind::Corrupt => {
                    tracing::error!(seq, %error, "an event cannot be read: it is a dead letter");
                    let (lease, error) =
                        (Lease { seq: EventSeq(seq), fence: *fences }, UNREADABLE.to_owned());
                    self.settle(shelf, &lease, EventOutcome::Dead { error }, floor_ms(request.now))?;
                }
                Err(error) => return Err(error),
            }
        }
        let due = wanted.map_or_else(|| self.lanes.next_due(), |wanted| self.lanes.next_due_among(&wanted));
        Ok(Leases { events, next_due: due.map(from_ms) })
    }

    /// Frees what a worker has that was given up, or goes.
    pub(super) fn free(&mut self, shelf: &mut impl Shelf, worker: u32) -> Result<()> {
        for (seq, entry) in &mut self.unfinished {
            if entry.leased_by.take_if(|by| *by == worker).is_some() {
                self.leased -= 1;
                self.lanes.release(entry.lane, entry.inbox);
                shelf.free_event(*seq)?;
            }
        }
        Ok(())
    }

    /// Fails unless the lease is the latest on its event.
    ///
    /// One that lapsed is good until somebody else takes the event: the work is done, and nobody does it again.
    pub(super) fn check(&self, lease: &Lease) -> Result<()> {
        match self.unfinished.get(&lease.seq.0) {
            Some(entry) if entry.fence == lease.fence => Ok(()),
            _ => Err(StoreError::new(StoreErrorKind::LeaseLost)),
        }
    }

    pub(super) fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.check(lease)?;
        let entry = self.unfinished.get(&lease.seq.0);
        Ok(entry.is_some_and(|entry| self.lanes.has_older(entry.lane, (entry.occurred_at, lease.seq.0))))
    }

    /// Ends a lease that was [checked](Self::check).
    pub(super) fn settle(
        &mut self,
        shelf: &mut impl Shelf,
        lease: &Lease,
        outcome: EventOutcome,
        now: i64,
    ) -> Result<()> {
        let seq = lease.seq.0;
        self.lanes.was_set_back(now);
        let Some(mut entry) = self.unfinished.remove(&seq) else { return Ok(()) };
        if matches!(outcome, EventOutcome::Defer { .. }) {
            entry.attempts = entry.attempts.saturating_sub(1);
        }
        let fate = fate(outcome, entry.attempts, now);
        let leased_by = entry.leased_by.take();
        match fate.state {
            EventState::Waiting { due } => {
                entry.fence = 0;
                self.unfinished.insert(seq, entry);
                self.lanes.postpone(entry.lane, (entry.occurred_at, seq), due);
            }
            EventState::Done { at } => self.done.add(at, seq),
            EventState::Parked { at } => self.parked.add(at, seq),
            EventState::Dead { at } => self.dead.add(at, seq),
        }
        if !matches!(fate.state, EventState::Waiting { .. }) {
            self.lanes.remove(entry.lane, (entry.occurred_at, seq));
        }
        if leased_by.is_some() {
            self.leased -= 1;
            self.lanes.release(entry.lane, entry.inbox);
        }
        shelf.settle_event(seq, fate)
    }

    /// Forgets at most `limit` events: what is done since before `before`, and what is set aside since before `older`.
    pub(super) fn prune(
        &mut self,
        shelf: &mut impl Shelf,
        before: i64,
        older: i64,
        limit: usize,
    ) -> Result<usize> {
        for forgotten in 0..limit {
            let set_aside = || self.parked.take_before(older).or_else(|| self.dead.take_before(older));
            let Some((_, seq)) = self.done.take_before(before).or_else(set_aside) else {
                return Ok(forgotten);
            };
            for name in shelf.forget_event(seq)? {
                self.known.remove(&name);
            }
        }
        Ok(limit)
    }

    pub(super) fn census(&self, census: &mut Census) {
        census.leased = self.leased;
        census.waiting = self.unfinished.len() as u64 - census.leased;
        census.done = self.done.len();
        census.parked = self.parked.len();
        census.dead = self.dead.len();
    }

    fn await_turn(&mut self, seq: i64, event: &NewEvent) {
        let (lane, inbox) = (Digest::lane(&event.lane), self.inboxes.number(&event.inbox_id));
        let occurred_at = floor_ms(event.occurred_at);
        let entry = Entry { lane, occurred_at, inbox, attempts: 0, fence: 0, leased_by: None };
        self.unfinished.insert(seq, entry);
        self.lanes.insert(lane, (occurred_at, seq), inbox, AT_ONCE);
    }

    fn grant(
        &mut self,
        shelf: &mut impl Shelf,
        seq: i64,
        fence: i64,
        (worker, name): (u32, &WorkerId),
    ) -> Result<Leased> {
        let entry = self.unfinished.get_mut(&seq).ok_or(StoreErrorKind::Corrupt)?;
        entry.attempts += 1;
        entry.fence = fence;
        entry.leased_by = Some(worker);
        self.leased += 1;
        shelf.lease_event(seq, entry.attempts, fence, name)?;
        let lease = Lease { seq: EventSeq(seq), fence };
        Ok(Leased { lease, event: shelf.event(seq)?, attempt: entry.attempts })
    }
}

fn fate(outcome: EventOutcome, attempts: u32, now: i64) -> EventFate {
    let (state, error) = match outcome {
        EventOutcome::Done => (EventState::Done { at: now }, None),
        EventOutcome::Retry { at, error } => (EventState::Waiting { due: ceil_ms(at) }, Some(error)),
        EventOutcome::Defer { at } => (EventState::Waiting { due: ceil_ms(at) }, None),
        EventOutcome::Dead { error } => (EventState::Dead { at: now }, Some(error)),
        EventOutcome::Parked { reason } => (EventState::Parked { at: now }, Some(reason)),
    };
    EventFate { state, attempts, error }
}

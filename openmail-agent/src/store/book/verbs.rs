use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};
use crate::store::{
    Bookmark, Census, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope,
    Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, WorkerId,
};

use super::events::Events;
use super::gates::Gates;
use super::sends::Sends;
use super::workers::Workers;
use super::{Digest, Shelf, floor_ms, from_ms};

/// The longest that a completed send matters to a ledger: the rest of its day, and yesterday for a clock set back.
pub(crate) const LEDGER_LIFE_MS: i64 = 48 * 60 * 60 * 1000;

/// The verbs of a [`Store`](crate::store::Store), on an index in memory and a [`Shelf`].
///
/// A verb that is refused (the lease is lost) has done nothing. One that fails otherwise failed on the shelf, and leaves
/// the book ahead of it: the transaction must be undone and the book made anew.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(super) events: Events,
    pub(super) sends: Sends,
    pub(super) gates: Gates,
    pub(super) workers: Workers,
    pub(super) fences: i64,
}

impl Book {
    /// An empty book, whose fences begin after this one.
    pub(crate) fn new(fences: i64) -> Self {
        Self { fences, ..Self::default() }
    }

    /// The number of the latest event.
    #[cfg(feature = "sqlite")]
    pub(crate) fn latest_event(&self) -> crate::store::EventSeq {
        crate::store::EventSeq(self.events.next_seq)
    }

    /// An empty book that goes on where this one ends: no fence is given again, whoever is alive is alive, and it is as late.
    #[cfg(feature = "sqlite")]
    pub(crate) fn successor(&self) -> Self {
        let mut book = Self { workers: self.workers.clone(), ..Self::new(self.fences) };
        book.events.lanes.set_time(self.events.lanes.now());
        book
    }

    pub(crate) fn record(
        &mut self,
        shelf: &mut impl Shelf,
        events: Vec<Arc<NewEvent>>,
        bookmark: Option<Bookmark>,
    ) -> Result<Vec<Recorded>> {
        let verdicts =
            events.into_iter().map(|event| self.events.record(shelf, event)).collect::<Result<_>>()?;
        bookmark.map_or(Ok(()), |bookmark| shelf.put_bookmark(bookmark))?;
        Ok(verdicts)
    }

    pub(crate) fn heartbeat(&mut self, worker: &WorkerId, now: Timestamp) -> bool {
        self.workers.beat(worker, now)
    }

    pub(crate) fn retire(&mut self, shelf: &mut impl Shelf, worker: &WorkerId, now: Timestamp) -> Result<()> {
        let worker = self.workers.retire(worker);
        self.free(shelf, worker, now)
    }

    pub(crate) fn lease(&mut self, shelf: &mut impl Shelf, request: &LeaseRequest) -> Result<Leases> {
        let worker = self.attend(shelf, &request.worker, request.now)?;
        let mut leases = self.events.lease(shelf, request, worker, &mut self.fences)?;
        leases.next_due = self.or_lapse(leases.next_due, worker);
        Ok(leases)
    }

    pub(crate) fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        self.events.is_overtaken(lease)
    }

    pub(crate) fn settle(&mut self, shelf: &mut impl Shelf, settlement: Settlement) -> Result<()> {
        self.events.check(&settlement.lease)?;
        let now = floor_ms(settlement.now);
        for send in settlement.sends {
            self.sends.owe(shelf, settlement.lease.seq.0, send, now)?;
        }
        settlement.notes.into_iter().try_for_each(|note| shelf.put_note(note))?;
        self.events.settle(shelf, &settlement.lease, settlement.outcome, now)
    }

    pub(crate) fn owe(&mut self, shelf: &mut impl Shelf, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        self.events.check(lease)?;
        let now = self.events.lanes.now();
        sends.into_iter().try_for_each(|send| self.sends.owe(shelf, lease.seq.0, send, now))
    }

    pub(crate) fn remember(&mut self, shelf: &mut impl Shelf, lease: &Lease, note: Note) -> Result<()> {
        self.events.check(lease)?;
        shelf.put_note(note)
    }

    pub(crate) fn recall(&self, shelf: &mut impl Shelf, scope: &NoteScope) -> Result<Option<Bytes>> {
        shelf.note(scope)
    }

    pub(crate) fn bookmark(&self, shelf: &mut impl Shelf, name: &str) -> Result<Option<String>> {
        shelf.bookmark(name)
    }

    pub(crate) fn reserve(
        &mut self,
        shelf: &mut impl Shelf,
        request: &ReserveRequest,
    ) -> Result<Reservations> {
        let worker = self.attend(shelf, &request.worker, request.now)?;
        let mut reservations =
            self.sends.reserve(shelf, &mut self.gates, request, worker, &mut self.fences)?;
        reservations.next_due = self.or_lapse(reservations.next_due, worker);
        let news = reservations.expired.iter().filter_map(|send| (request.news)(send, request.now));
        for news in news {
            self.events.record(shelf, news.into())?;
        }
        Ok(reservations)
    }

    pub(crate) fn settle_send(&mut self, shelf: &mut impl Shelf, settlement: SendSettlement) -> Result<()> {
        self.sends.check(settlement.seq, settlement.fence)?;
        self.sends.settle(shelf, &mut self.gates, &settlement)?;
        if let Some(lesson) = settlement.lesson {
            self.gates.learn(shelf, &lesson, settlement.now)?;
        }
        if let Some(hold) = settlement.hold {
            self.hold(shelf, hold)?;
        }
        if let Some(news) = settlement.news {
            self.events.record(shelf, news.into())?;
        }
        Ok(())
    }

    pub(crate) fn send_state(
        &self,
        shelf: &mut impl Shelf,
        key: &IdempotencyKey,
    ) -> Result<Option<SendState>> {
        self.sends.keys.get(&Digest::key(key)).map(|seq| shelf.send_state(*seq)).transpose()
    }

    pub(crate) fn allowance(&self, inbox_id: &InboxId, quotas: &Quotas, now: Timestamp) -> Allowance {
        self.gates.allowance(inbox_id, quotas, now)
    }

    pub(crate) fn hold(&mut self, shelf: &mut impl Shelf, hold: Hold) -> Result<()> {
        // A newer hold may also end sooner than the one it follows.
        self.sends.lanes.unblock_all();
        self.gates.hold(shelf, hold)
    }

    pub(crate) fn release(
        &mut self,
        shelf: &mut impl Shelf,
        scope: &HoldScope,
        as_of: Timestamp,
    ) -> Result<()> {
        self.sends.lanes.unblock_all();
        self.gates.release(shelf, scope, floor_ms(as_of))
    }

    pub(crate) fn prune(
        &mut self,
        shelf: &mut impl Shelf,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let (before, now) = (floor_ms(before), floor_ms(now));
        let older = before.saturating_sub(now.saturating_sub(before));
        shelf.keep_numbers(self.events.next_seq, self.sends.next_seq)?;
        shelf.forget_slots(now.saturating_sub(LEDGER_LIFE_MS))?;
        let Events { unfinished, parked, dead, .. } = &self.events;
        let set_aside: HashSet<_> = parked.seqs().chain(dead.seqs()).collect();
        let is_open = |event_seq| unfinished.contains_key(&event_seq) || set_aside.contains(&event_seq);
        let sends = self.sends.prune(shelf, before, older, limit, is_open)?;
        Ok(sends + self.events.prune(shelf, before, older, limit)?)
    }

    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        self.events.census(&mut census);
        self.sends.census(&mut census);
        census
    }

    /// Takes note of a worker, and frees what those had whom it gives up.
    fn attend(&mut self, shelf: &mut impl Shelf, worker: &WorkerId, now: Timestamp) -> Result<u32> {
        let worker = self.workers.attend(worker, now);
        for dead in self.workers.give_up(worker, now) {
            self.free(shelf, dead, now)?;
        }
        Ok(worker)
    }

    fn free(&mut self, shelf: &mut impl Shelf, worker: u32, now: Timestamp) -> Result<()> {
        self.events.free(shelf, worker)?;
        self.sends.free(shelf, &mut self.gates, worker, now)
    }

    fn or_lapse(&self, next_due: Option<Timestamp>, asking: u32) -> Option<Timestamp> {
        next_due.into_iter().chain(self.workers.next_lapse(asking).map(from_ms)).min()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn a_book_that_is_made_anew_is_as_late_as_the_one_before() {
        let mut book = Book::new(0);
        book.events.lanes.set_time(100);
        assert_eq!(book.successor().events.lanes.now(), 100, "what ends now did not end long ago");
    }
}

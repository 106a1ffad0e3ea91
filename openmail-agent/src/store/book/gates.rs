use std::collections::HashMap;

use jiff::Timestamp;

use crate::limit::{Allowance, Decision, Ledger, Lesson, Pause, Quotas, Slot};
use crate::model::{InboxId, PodId};
use crate::store::{Hold, HoldScope, Result};

use super::{KeptHold, Shelf, ceil_ms, floor_ms, from_ms};

/// What may be sent: a ledger for each inbox, what the service taught, and what is held.
#[derive(Debug, Default)]
pub(super) struct Gates {
    ledgers: HashMap<InboxId, Ledger>,
    holds: HashMap<HoldScope, KeptHold>,
    /// Speaks for every inbox that has sent nothing yet.
    unused: Ledger,
}

/// Sends of one inbox, as a member of its pod: they share all that can stop them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SendGroup {
    pub(super) inbox_id: InboxId,
    pub(super) pod_id: Option<PodId>,
}

/// An attempt that may have been counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) reserved_at: i64,
    pub(super) completed_at: i64,
}

/// Completes a slot whose send may have been attempted before.
pub(super) fn complete(ledger: &mut Ledger, slot: Slot, earlier: Option<Counted>, now: Timestamp) {
    match earlier {
        Some(Counted { reserved_at, completed_at }) => {
            ledger.complete_again(slot, &(from_ms(reserved_at)..=from_ms(completed_at)), now);
        }
        None => ledger.complete(slot, now),
    }
}

impl Gates {
    /// It is this time now, whatever it was before.
    pub(super) fn set_time(&mut self, shelf: &mut impl Shelf, now: Timestamp) -> Result<()> {
        self.ledgers.values_mut().for_each(|ledger| ledger.set_time(now));
        for (scope, hold) in &mut self.holds {
            if hold.set_time(floor_ms(now)) {
                shelf.put_hold(scope, hold)?;
            }
        }
        Ok(())
    }

    /// Until when a group must wait, if it must.
    pub(super) fn waits_until(&self, group: &SendGroup, quotas: &Quotas, now: Timestamp) -> Option<i64> {
        let held = self.held_until(group, floor_ms(now));
        let full = match self.ledgers.get(&group.inbox_id).unwrap_or(&self.unused).decide(quotas, now) {
            Decision::Go => None,
            Decision::Wait(until) => Some(ceil_ms(until)),
        };
        [held, full].into_iter().flatten().max()
    }

    pub(super) fn allowance(&self, inbox_id: &InboxId, quotas: &Quotas, now: Timestamp) -> Allowance {
        self.ledgers.get(inbox_id).unwrap_or(&self.unused).allowance(quotas, now)
    }

    pub(super) fn open_slot(
        &mut self,
        shelf: &mut impl Shelf,
        slot: Slot,
        (inbox_id, send): (&InboxId, i64),
        now: Timestamp,
    ) -> Result<()> {
        self.ledger(inbox_id).reserve(slot, now);
        shelf.open_slot(slot, inbox_id, send, floor_ms(now))
    }

    /// Does nothing for a slot that is not in flight. An `earlier` attempt that this one repeats lends it its place in the day.
    pub(super) fn complete_slot(
        &mut self,
        shelf: &mut impl Shelf,
        slot: Slot,
        inbox_id: &InboxId,
        earlier: Option<Counted>,
        now: Timestamp,
    ) -> Result<()> {
        complete(self.ledger(inbox_id), slot, earlier, now);
        shelf.complete_slot(slot, ceil_ms(now))
    }

    pub(super) fn cancel_slot(
        &mut self,
        shelf: &mut impl Shelf,
        slot: Slot,
        inbox_id: &InboxId,
    ) -> Result<()> {
        self.ledger(inbox_id).cancel(slot);
        shelf.cancel_slot(slot)
    }

    pub(super) fn learn(&mut self, shelf: &mut impl Shelf, lesson: &Lesson, now: Timestamp) -> Result<()> {
        let standing = self.restore_pause(&lesson.inbox_id, Pause::new(now, lesson.until));
        shelf.put_pause(&lesson.inbox_id, standing)
    }

    pub(super) fn hold(&mut self, shelf: &mut impl Shelf, hold: Hold) -> Result<()> {
        let kept = KeptHold { since: floor_ms(hold.since), until: ceil_ms(hold.until), reason: hold.reason };
        if self.holds.get(&hold.scope).is_some_and(|known| known.outlives(&kept)) {
            return Ok(());
        }
        shelf.put_hold(&hold.scope, &kept)?;
        self.holds.insert(hold.scope, kept);
        Ok(())
    }

    pub(super) fn release(&mut self, shelf: &mut impl Shelf, scope: &HoldScope, as_of: i64) -> Result<()> {
        if self.holds.get(scope).is_some_and(|known| known.since > as_of) {
            return Ok(());
        }
        // Kept although nothing is held any more: an older hold may still be on its way.
        let kept = KeptHold { since: as_of, until: i64::MIN, reason: String::new() };
        shelf.put_hold(scope, &kept)?;
        self.holds.insert(scope.clone(), kept);
        Ok(())
    }

    /// Adds a pause to what is known, and tells which one stands.
    pub(super) fn restore_pause(&mut self, inbox_id: &InboxId, pause: Pause) -> Pause {
        self.ledger(inbox_id).learn(pause)
    }

    pub(super) fn restore_hold(&mut self, scope: HoldScope, hold: KeptHold) {
        self.holds.insert(scope, hold);
    }

    pub(super) fn ledger(&mut self, inbox_id: &InboxId) -> &mut Ledger {
        self.ledgers.entry(inbox_id.clone()).or_default()
    }

    #[cfg(test)]
    pub(super) fn snapshot(&self) -> Vec<String> {
        let used = self.ledgers.iter().map(|(inbox, ledger)| (inbox, ledger.snapshot()));
        let used = used.filter(|(_, ledger)| *ledger != self.unused.snapshot());
        let ledgers = used.map(|(inbox, ledger)| format!("{inbox} {ledger}"));
        let holds = self.holds.iter().map(|entry| format!("{entry:?}"));
        let mut lines: Vec<_> = ledgers.chain(holds).collect();
        lines.sort_unstable();
        lines
    }

    fn held_until(&self, group: &SendGroup, now: i64) -> Option<i64> {
        let scopes = [
            Some(HoldScope::Account),
            Some(HoldScope::Inbox(group.inbox_id.clone())),
            group.pod_id.clone().map(HoldScope::Pod),
        ];
        let holds = scopes.into_iter().flatten().filter_map(|scope| self.holds.get(&scope));
        holds.map(|hold| hold.until).filter(|until| *until > now).max()
    }
}

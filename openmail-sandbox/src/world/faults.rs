use std::time::Duration;

use jiff::Timestamp;

use super::{Refusal, World, clock::later};
use crate::model::{Fault, FaultId, Operation};

/// What has been ordered to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    ordered: Vec<Ordered>,
    next: u64,
    /// Events held back, by their places in the log.
    pub(crate) held: Vec<(FaultId, usize)>,
    /// The event that waits for its successor.
    pub(crate) swapped: Option<(FaultId, usize)>,
}

#[derive(Debug)]
struct Ordered {
    id: FaultId,
    fault: Fault,
    /// Occurrences left; none = until lifted.
    left: Option<u32>,
}

/// A fault that strikes before a request is obeyed.
#[derive(Debug)]
pub(crate) enum BeforeAnswer {
    Refuse(Refusal),
    Proxy(u16),
    Cut,
}

/// Faults that strike after a request has been obeyed.
#[derive(Debug, Default)]
pub(crate) struct AfterAnswer {
    pub(crate) lose: bool,
    pub(crate) not_before: Option<Timestamp>,
}

impl Faults {
    pub(crate) fn order(&mut self, fault: Fault, left: Option<u32>) -> FaultId {
        let id = FaultId(self.next);
        self.next += 1;
        if left != Some(0) {
            self.ordered.push(Ordered { id, fault, left });
        }
        id
    }

    pub(crate) fn lift(&mut self, id: FaultId) {
        self.ordered.retain(|ordered| ordered.id != id);
    }

    pub(crate) fn lift_all(&mut self) {
        self.ordered.clear();
    }

    /// What is ordered now, and how often it is still to come about.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = (FaultId, &Fault, Option<u32>)> {
        self.ordered.iter().map(|ordered| (ordered.id, &ordered.fault, ordered.left))
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.ordered.iter().any(|ordered| ordered.fault == Fault::FreezeSockets)
    }

    /// Faults ordered for a number of occurrences that have not all come about.
    pub(crate) fn outstanding(&self) -> usize {
        self.ordered.iter().filter(|ordered| ordered.left.is_some()).count()
    }

    pub(crate) fn take<T>(&mut self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.take_with_id(pick).map(|(_, picked)| picked)
    }

    /// Picks the fault that was ordered first and spends one of its occurrences.
    pub(crate) fn take_with_id<T>(&mut self, pick: impl Fn(&Fault) -> Option<T>) -> Option<(FaultId, T)> {
        let mut candidates = self.ordered.iter().enumerate();
        let (at, picked) = candidates.find_map(|(at, ordered)| Some((at, pick(&ordered.fault)?)))?;
        let ordered = &mut self.ordered[at];
        let id = ordered.id;
        if let Some(left) = &mut ordered.left {
            *left -= 1;
            if *left == 0 {
                self.ordered.remove(at);
            }
        }
        Some((id, picked))
    }

    pub(crate) fn before_answer(&mut self, operation: Operation) -> Option<BeforeAnswer> {
        let concerns = |on: &Option<Operation>| on.is_none_or(|on| on == operation);
        self.take(|fault| match fault {
            Fault::Refuse { on, status, code, message, retry_after } if concerns(on) => {
                let refusal = Refusal::new(*status, code, message);
                Some(BeforeAnswer::Refuse(Refusal { retry_after: *retry_after, ordered: true, ..refusal }))
            }
            Fault::RefuseUpgrade { status } if operation == Operation::OpenSocket => {
                let refusal = Refusal::new(*status, "upgrade_refused", "The upgrade is refused");
                Some(BeforeAnswer::Refuse(Refusal { ordered: true, ..refusal }))
            }
            Fault::ProxyError { on, status } if concerns(on) => Some(BeforeAnswer::Proxy(*status)),
            Fault::LoseRequest { on } if concerns(on) => Some(BeforeAnswer::Cut),
            _ => None,
        })
    }

    fn after_answer(&mut self, operation: Operation) -> (bool, Option<Duration>) {
        let concerns = |on: &Option<Operation>| on.is_none_or(|on| on == operation);
        let lose = self.take(|fault| match fault {
            Fault::LoseAnswer { on } if concerns(on) => Some(()),
            _ => None,
        });
        let slow = self.take(|fault| match fault {
            Fault::SlowAnswer { on, by } if concerns(on) => Some(*by),
            _ => None,
        });
        (lose.is_some(), slow)
    }
}

impl World {
    pub(crate) fn after_answer(&mut self, operation: Operation) -> AfterAnswer {
        let (lose, slow) = self.faults.after_answer(operation);
        self.counts.answers_lost += u64::from(lose);
        AfterAnswer { lose, not_before: slow.map(|by| later(self.now(), by)) }
    }

    pub(crate) fn lift_fault(&mut self, id: FaultId) {
        self.faults.lift(id);
        self.release_held(|holder| holder == id);
    }

    pub(crate) fn lift_all_faults(&mut self) {
        self.faults.lift_all();
        self.release_held(|_| true);
        self.release_rows();
    }
}

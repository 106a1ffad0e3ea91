use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::clock;
use crate::store::{Result, StoreErrorKind};

use super::doubt::Doubt;
use super::trouble::Trouble;

/// How often to look for what the database says this process has.
const LOOK: Duration = Duration::from_secs(60);

/// An event or a send, and the fence it was taken with. The fence alone would not do: a database that lost its latest numbers gives
/// them again.
pub(super) type Taken = (i64, i64);

/// What this process has taken and not settled: the leases, or the reservations.
///
/// A database that fails over may lose what it has acknowledged. Where that was the end of a lease, the database says that this process
/// has the event, which has forgotten it; and a living worker would keep it for ever. So now and then, and after each failure, what is
/// this process's by the database's word and not in its hand is given back.
#[derive(Debug, Default)]
pub(super) struct Hand {
    doubt: Doubt,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    taken: HashSet<Taken>,
    /// When the database was last asked what it says; `None` where it has failed since.
    looked: Option<Timestamp>,
}

/// What is to be made sure of before more is taken.
pub(super) struct Asking {
    began: Instant,
    now: Timestamp,
    /// What was taken before without an answer, and is given back.
    pub(super) doubtful: Vec<i64>,
    /// Whether to look for what is not in hand, and for what a clock that ran ahead has written.
    pub(super) looks: bool,
}

impl Hand {
    pub(super) fn ask(&self, now: Timestamp) -> Asking {
        // A clock that was set back puts nothing off.
        let looks = self.held().looked.is_none_or(|at| at > now || clock::after(at, LOOK) <= now);
        Asking { began: Instant::now(), now, doubtful: self.doubt.standing(), looks }
    }

    pub(super) fn answered<T>(&self, asking: &Asking, answer: &Result<T>) {
        if answer.is_err() {
            self.doubt.renew(Instant::now());
            self.held().looked = None;
            return;
        }
        self.doubt.given_back(asking.began);
        if asking.looks {
            self.held().looked = Some(asking.now);
        }
    }

    /// Notes what is taken by a commit that is to follow: whoever sees it in the database finds it here.
    pub(super) fn take(&self, taken: impl Iterator<Item = Taken> + Clone) {
        self.doubt.taken_anew(taken.clone().map(|(_, fence)| fence));
        self.held().taken.extend(taken);
    }

    /// The commit of what was taken failed, or nobody waited for it.
    pub(super) fn doubt(&self, taken: impl Iterator<Item = Taken> + Clone) {
        self.doubt.add(Instant::now(), taken.clone().map(|(_, fence)| fence));
        let mut held = self.held();
        taken.for_each(|taken| {
            held.taken.remove(&taken);
        });
    }

    /// What was settled, or taken by others, is not in hand any more.
    pub(super) fn settled(&self, taken: Taken, answer: &Result<()>) {
        match answer {
            Err(error) if *error.kind() != StoreErrorKind::LeaseLost => self.held().looked = None,
            _ => drop(self.held().taken.remove(&taken)),
        }
    }

    /// What is not in hand, of what the database says that this process has: the event or send, and the fence.
    pub(super) fn strays(&self, rows: &[Row]) -> Result<Vec<Taken>, Trouble> {
        let rows = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let rows = rows.collect::<Result<Vec<_>, Trouble>>()?;
        Ok(self.without(rows))
    }

    fn without(&self, mut rows: Vec<Taken>) -> Vec<Taken> {
        rows.retain({
            let held = self.held();
            move |taken| !held.taken.contains(taken)
        });
        // What is in doubt is given back as what nobody has tried.
        let doubtful = self.doubt.standing();
        rows.retain(|(_, fence)| !doubtful.contains(fence));
        rows
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::at;

    #[test]
    fn what_is_in_hand_or_in_doubt_is_no_stray() {
        let hand = Hand::default();
        hand.take([(1, 10), (2, 20), (3, 30), (4, 40)].into_iter());
        hand.settled((2, 20), &Ok(()));
        hand.settled((3, 30), &Err(StoreErrorKind::LeaseLost.into()));
        hand.settled((4, 40), &Err(StoreErrorKind::Unavailable.into()));
        hand.take([(5, 50)].into_iter());
        hand.doubt([(5, 50)].into_iter());
        let database = vec![(1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (1, 11), (6, 10)];
        assert_eq!(hand.without(database), [(2, 20), (3, 30), (1, 11), (6, 10)]);
    }

    #[test]
    fn what_a_database_that_forgot_gives_again_is_not_taken_back_for_what_was_in_doubt() {
        let hand = Hand::default();
        hand.take([(1, 10), (2, 11)].into_iter());
        hand.doubt([(1, 10), (2, 11)].into_iter());
        hand.take([(5, 10)].into_iter());
        assert_eq!(hand.ask(at(0)).doubtful, [11]);
        assert_eq!(hand.without(vec![(5, 10), (1, 10)]), [(1, 10)]);
    }

    #[test]
    fn strays_are_looked_for_each_minute_and_after_each_failure() {
        let hand = Hand::default();
        let ask = |now, answer: Result<()>| {
            let asking = hand.ask(at(now));
            hand.answered(&asking, &answer);
            asking.looks
        };
        assert_eq!([0, 1, 59, 60, 61].map(|now| ask(now, Ok(()))), [true, false, false, true, false]);
        assert_eq!([3, 4].map(|now| ask(now, Ok(()))), [true, false], "whatever the clock does");
        assert!(!ask(5, Err(StoreErrorKind::Unavailable.into())));
        assert_eq!([6, 7].map(|now| ask(now, Ok(()))), [true, false]);
        hand.settled((1, 1), &Err(StoreErrorKind::Unavailable.into()));
        assert!(ask(8, Ok(())));
    }
}

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much later a commit may still take hold whose connection was lost.
const LINGERING: Duration = Duration::from_secs(60);

/// Fences of what may have been taken without anybody knowing: the connection was lost during the commit.
///
/// A living worker would keep it for ever, so it is given back, for as long as the commit may yet take hold and until the
/// database was there to take it.
#[derive(Debug, Default)]
pub(super) struct Doubt(Mutex<Vec<(Instant, i64)>>);

impl Doubt {
    /// Notes what was taken by a commit that has failed just now.
    pub(super) fn add(&self, now: Instant, fences: impl Iterator<Item = i64>) {
        self.fences().extend(fences.map(|fence| (now, fence)));
    }

    /// A database that has lost its latest numbers gives them again: what is taken with one is in no doubt, and what was, is lost.
    pub(super) fn taken_anew(&self, fences: impl Iterator<Item = i64>) {
        let mut doubtful = self.fences();
        if !doubtful.is_empty() {
            let anew: HashSet<_> = fences.collect();
            doubtful.retain(|(_, fence)| !anew.contains(fence));
        }
    }

    /// The database failed once more: a commit that hung until then may take hold behind what gives back.
    pub(super) fn renew(&self, now: Instant) {
        self.fences().iter_mut().for_each(|(failed, _)| *failed = now);
    }

    /// What to give back.
    pub(super) fn standing(&self) -> Vec<i64> {
        self.fences().iter().map(|(_, fence)| *fence).collect()
    }

    /// What stood at this moment is given back: of that, what can be taken no more is forgotten.
    pub(super) fn given_back(&self, asked: Instant) {
        self.fences().retain(|(failed, _)| *failed + LINGERING > asked);
    }

    fn fences(&self) -> MutexGuard<'_, Vec<(Instant, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_doubt_is_given_back_until_no_commit_can_take_it_any_more() {
        let (doubt, failed) = (Doubt::default(), Instant::now());
        doubt.add(failed, [1, 2].into_iter());
        doubt.given_back(failed);
        assert_eq!(doubt.standing(), [1, 2], "the commit may come behind");
        doubt.add(failed + LINGERING, [3].into_iter());
        assert_eq!(doubt.standing(), [1, 2, 3], "nobody could give it back so far");
        doubt.given_back(failed + LINGERING);
        assert_eq!(doubt.standing(), [3]);
        let later = failed + 3 * LINGERING;
        doubt.renew(later);
        doubt.given_back(later);
        assert_eq!(doubt.standing(), [3], "the database has only just come back");
        doubt.given_back(later + LINGERING);
        assert!(doubt.standing().is_empty());
    }
}

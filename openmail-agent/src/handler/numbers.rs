use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The numbers of the replies that a handler commits while it runs.
///
/// Only what was committed uses a number up. If what was not did so as well, a handler that waits and gives the same reply
/// again would commit it under a second key, and one that is run again would send it under both.
///
/// Made for the first who takes one: few handlers do.
#[derive(Debug, Default)]
pub(super) struct Numbers(OnceLock<Arc<Mutex<BTreeSet<u32>>>>);

impl Numbers {
    /// The lowest number that is not in use.
    pub(super) fn take(&self) -> Number {
        let numbers = self.0.get_or_init(Arc::default);
        let mut used = lock(numbers);
        // Each number in use is its own place among them, up to the first gap.
        let lowest = (0..).zip(used.iter()).find(|(place, number)| place != *number).map(|(place, _)| place);
        let value = lowest.unwrap_or_else(|| u32::try_from(used.len()).unwrap_or(u32::MAX));
        used.insert(value);
        Number { value, used: Arc::clone(numbers), is_kept: false }
    }
}

/// A number, given back when it is dropped without having been kept.
#[derive(Debug)]
pub(crate) struct Number {
    value: u32,
    used: Arc<Mutex<BTreeSet<u32>>>,
    is_kept: bool,
}

impl Number {
    pub(super) fn value(&self) -> u32 {
        self.value
    }

    /// What it numbers is committed.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if !self.is_kept {
            lock(&self.used).remove(&self.value);
        }
    }
}

fn lock(used: &Mutex<BTreeSet<u32>>) -> MutexGuard<'_, BTreeSet<u32>> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_committed_leaves_its_number_to_the_next() {
        let numbers = Numbers::default();
        drop(numbers.take());
        assert_eq!(numbers.take().value(), 0);
        numbers.take().keep();
        assert_eq!(numbers.take().value(), 1);
    }

    #[test]
    fn replies_under_way_at_once_have_numbers_of_their_own() {
        let numbers = Numbers::default();
        let (first, second) = (numbers.take(), numbers.take());
        assert_eq!((first.value(), second.value()), (0, 1));
        second.keep();
        drop(first);
        let again = numbers.take();
        assert_eq!(again.value(), 0);
        again.keep();
        assert_eq!(numbers.take().value(), 2);
    }
}

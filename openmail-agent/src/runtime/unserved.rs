use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::store::EventSeq;

/// How long mail without a handler waits for another process that has one, as while a version is being rolled out.
const ROLL_OUT: Duration = Duration::from_secs(10 * 60);

/// Mail that this process has no handler for, and since when it knows. How old the mail is says nothing: it may have waited long for its
/// turn, or for a retry of the process that does have one.
#[derive(Default)]
pub(super) struct Unserved(Mutex<HashMap<EventSeq, Timestamp>>);

impl Unserved {
    /// Whether somebody else may still take it.
    pub(super) fn may_be_taken(&self, seq: EventSeq, now: Timestamp) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What was taken, or was given up elsewhere, is asked for no more.
        since.retain(|_, since| now < clock::after(*since, 2 * ROLL_OUT));
        let first = *since.entry(seq).or_insert(now);
        let waits = now < clock::after(first, ROLL_OUT);
        if !waits {
            since.remove(&seq);
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::at;

    #[test]
    fn what_nobody_takes_for_ten_minutes_is_taken_by_nobody() {
        let unserved = Unserved::default();
        let ask = |seq, minute: i64| unserved.may_be_taken(EventSeq(seq), at(60 * minute));
        assert!(ask(1, 0) && ask(1, 9) && ask(2, 9));
        assert!(!ask(1, 10) && ask(2, 18) && !ask(2, 19));
        assert!(unserved.0.lock().unwrap().is_empty());
    }

    #[test]
    fn what_was_taken_elsewhere_is_forgotten() {
        let unserved = Unserved::default();
        let ask = |seq, minute: i64| unserved.may_be_taken(EventSeq(seq), at(60 * minute));
        assert!(ask(1, 0) && ask(2, 20));
        assert_eq!(unserved.0.lock().unwrap().len(), 1);
    }
}

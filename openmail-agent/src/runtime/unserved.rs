use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::store::EventSeq;

/// How long mail without a handler waits for another process that has one, as while a version is being rolled out.
const ROLL_OUT: Duration = Duration::from_secs(10 * 60);

/// Mail that this process has no handler for, and since when nobody else seems to have one. How old the mail is says nothing: it may have
/// waited long for its turn.
#[derive(Default)]
pub(super) struct Unserved(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// At which try each was when it came here, and since when it is at that.
    since: HashMap<EventSeq, (u32, Timestamp)>,
    swept: Option<Timestamp>,
}

impl Unserved {
    /// Whether somebody else may still take it. Whoever has tried it since it came here first has a handler for it, and may be waiting for
    /// its next try.
    pub(super) fn may_be_taken(&self, seq: EventSeq, attempt: u32, now: Timestamp) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.sweep(now);
        let known = waiting.since.get(&seq).filter(|(before, _)| *before == attempt);
        let since = known.map_or(now, |(_, since)| *since);
        let waits = now < clock::after(since, ROLL_OUT);
        if waits {
            waiting.since.insert(seq, (attempt, since));
        } else {
            waiting.since.remove(&seq);
        }
        waits
    }
}

impl Waiting {
    /// Forgets, now and then, what was taken or given up elsewhere: that is asked for no more.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept.is_none_or(|swept| now >= clock::after(swept, ROLL_OUT)) {
            self.since.retain(|_, (_, since)| now < clock::after(*since, 2 * ROLL_OUT));
            self.swept = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::at;

    #[test]
    fn what_nobody_takes_for_ten_minutes_is_taken_by_nobody() {
        let unserved = Unserved::default();
        let ask = |seq, minute: i64| unserved.may_be_taken(EventSeq(seq), 1, at(60 * minute));
        assert!(ask(1, 0) && ask(1, 9) && ask(2, 9));
        assert!(!ask(1, 10) && ask(2, 18) && !ask(2, 19));
        assert!(unserved.0.lock().unwrap().since.is_empty());
    }

    #[test]
    fn what_somebody_tries_waits_for_their_next_try() {
        let unserved = Unserved::default();
        let ask = |attempt, minute: i64| unserved.may_be_taken(EventSeq(1), attempt, at(60 * minute));
        assert!(ask(1, 0) && ask(2, 12) && ask(2, 21) && ask(3, 30) && ask(3, 39) && !ask(3, 40));
    }

    #[test]
    fn what_was_taken_elsewhere_is_forgotten() {
        let unserved = Unserved::default();
        let ask = |seq, minute: i64| unserved.may_be_taken(EventSeq(seq), 1, at(60 * minute));
        assert!(ask(1, 0) && ask(2, 20));
        assert_eq!(unserved.0.lock().unwrap().since.len(), 1);
    }
}

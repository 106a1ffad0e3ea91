use std::collections::VecDeque;
use std::sync::Arc;

use crate::store::NewEvent;
use crate::store::book::Index;

/// How many events are kept at most.
const EVENTS: usize = 2_048;

/// How large they may be together.
const BYTES: usize = 16 * 1024 * 1024;

/// The latest events that nobody has leased yet, so that what is leased soon is not read back from the file.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: Index<i64, Arc<NewEvent>>,
    /// In the order in which they came; those that were taken since are among them.
    order: VecDeque<i64>,
    bytes: usize,
}

impl Recent {
    /// Keeps an event, in place of the oldest where there is no room.
    pub(super) fn put(&mut self, seq: i64, event: Arc<NewEvent>) {
        self.bytes += event.body.len();
        self.events.insert(seq, event);
        self.order.push_back(seq);
        while (self.order.len() > EVENTS || self.bytes > BYTES)
            && let Some(oldest) = self.order.pop_front()
        {
            self.take(oldest);
        }
    }

    pub(super) fn take(&mut self, seq: i64) -> Option<Arc<NewEvent>> {
        let event = self.events.remove(&seq)?;
        self.bytes -= event.body.len();
        Some(event)
    }

    /// Forgets all: the numbers of what was undone are given again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::conformance::fixture::mail;

    fn put(recent: &mut Recent, seq: i64, size: usize) {
        let event = NewEvent { body: Bytes::from(vec![b'x'; size]), ..mail("1", "i", "a", 1) };
        recent.put(seq, event.into());
    }

    #[test]
    fn no_more_than_so_many_are_kept_and_the_latest_at_that() {
        let mut recent = Recent::default();
        let count = EVENTS as i64;
        (0..2 * count).for_each(|seq| put(&mut recent, seq, 10));
        assert!(recent.take(count - 1).is_none());
        assert!((count..2 * count).all(|seq| recent.take(seq).is_some()));
        (0..10 * count).for_each(|seq| {
            put(&mut recent, seq, 10);
            recent.take(seq).unwrap();
        });
        assert!(recent.order.len() <= EVENTS && recent.bytes == 0);
    }

    #[test]
    fn they_are_no_larger_than_so_much() {
        let mut recent = Recent::default();
        (0..10).for_each(|seq| put(&mut recent, seq, BYTES / 3));
        assert!(recent.take(6).is_none());
        assert!((7..10).all(|seq| recent.take(seq).is_some()));
        put(&mut recent, 10, BYTES + 1);
        assert!(recent.take(10).is_none());
    }
}

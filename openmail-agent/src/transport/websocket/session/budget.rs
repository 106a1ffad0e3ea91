use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The service closes a connection (4029) that sends more than 30 messages in 10 s. The rest of the 30 is left to pongs,
/// and to messages that travel closer together than they were sent.
pub(super) const MESSAGES: usize = 25;
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// Counts what was sent on one connection.
#[derive(Debug, Default)]
pub(super) struct Budget {
    sent: VecDeque<Instant>,
}

impl Budget {
    /// Whether one more message may be sent now; if so, it is counted.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        while self.sent.front().is_some_and(|&at| at + WINDOW <= now) {
            self.sent.pop_front();
        }
        let free = self.sent.len() < MESSAGES;
        if free {
            self.sent.push_back(now);
        }
        free
    }

    /// When one more message may be sent, if not at once.
    pub(super) fn next_slot(&self) -> Option<Instant> {
        self.sent.front().filter(|_| self.sent.len() >= MESSAGES).map(|&at| at + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let start = Instant::now();
        let mut budget = Budget::default();
        for i in 0..MESSAGES as u64 {
            assert_eq!(budget.next_slot(), None);
            assert!(budget.take(start + Duration::from_millis(i)));
        }
        assert_eq!(budget.next_slot(), Some(start + WINDOW));
        assert!(!budget.take(start + WINDOW - Duration::from_millis(1)));
        assert!(budget.take(start + WINDOW));
        assert!(!budget.take(start + WINDOW), "the second message leaves the window a little later");
    }
}

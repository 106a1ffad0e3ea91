use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many events may wait that were recorded since this process last had nothing to hand out.
const AHEAD: usize = 64;
/// How long to wait at most: where handlers take their time, mail waits in the store, and not with the service.
const PATIENCE: Duration = Duration::from_millis(10);

/// How far reading is ahead of handling.
///
/// A flood is read faster than it is handled. What is handled soon after it was recorded is in memory still; what a flood has
/// pushed out must be read back from the disk, which makes handling slower still.
#[derive(Debug, Default)]
pub(super) struct Pace {
    ahead: AtomicUsize,
    caught_up: Notify,
    /// Whether anybody says what is handed out. Nobody is waited for otherwise.
    is_followed: AtomicBool,
}

impl Pace {
    pub(super) fn recorded(&self, events: usize) {
        self.ahead.fetch_add(events, Ordering::Relaxed);
    }

    pub(super) fn handed_out(&self, events: usize, is_all: bool) {
        self.is_followed.store(true, Ordering::Relaxed);
        // What another process recorded is handed out here as well.
        let rest = |ahead: usize| Some(if is_all { 0 } else { ahead.saturating_sub(events) });
        let _ = self.ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
        if !self.is_too_far() {
            self.caught_up.notify_one();
        }
    }

    /// Waits while reading is too far ahead, but not for long.
    pub(super) async fn keep(&self) {
        if !self.is_too_far() {
            return;
        }
        let caught_up = async {
            while self.is_too_far() {
                self.caught_up.notified().await;
            }
        };
        // Whether it was, the next time tells.
        let _ = tokio::time::timeout(PATIENCE, caught_up).await;
    }

    fn is_too_far(&self) -> bool {
        self.is_followed.load(Ordering::Relaxed) && self.ahead.load(Ordering::Relaxed) > AHEAD
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reading_waits_for_handling_where_it_is_too_far_ahead() {
        let pace = Pace::default();
        pace.recorded(AHEAD + 1);
        assert!(pace.keep().now_or_never().is_some(), "nobody hands out");
        pace.handed_out(1, false);
        assert!(pace.keep().now_or_never().is_some());
        pace.recorded(100);
        let mut keep = Box::pin(pace.keep());
        assert!((&mut keep).now_or_never().is_none());
        pace.handed_out(99, false);
        assert!((&mut keep).now_or_never().is_none());
        pace.handed_out(1, false);
        assert!(keep.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn reading_goes_on_where_nothing_is_left_to_hand_out() {
        let pace = Pace::default();
        pace.recorded(10 * AHEAD);
        pace.handed_out(1, true);
        assert!(pace.keep().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn handlers_that_take_long_do_not_stop_reading() {
        let pace = Pace::default();
        pace.handed_out(0, true);
        pace.recorded(10 * AHEAD);
        let before = tokio::time::Instant::now();
        pace.keep().await;
        assert!(before.elapsed() < 2 * PATIENCE);
    }
}

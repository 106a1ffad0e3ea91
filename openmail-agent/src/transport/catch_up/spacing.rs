use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// One request in this time, over time: a quarter of what the account may make, whatever the number of inboxes.
const INTERVAL: Duration = Duration::from_millis(250);
/// How many may be made at once after a rest.
const BURST: u32 = 60;

/// Keeps the catch-up from eating the account's 1,000 requests a minute.
#[derive(Debug)]
pub(super) struct Spacing {
    interval: Duration,
    /// When the next request would be made if all were evenly spread.
    next: Mutex<Instant>,
}

impl Spacing {
    pub(super) fn new() -> Self {
        Self::every(INTERVAL)
    }

    pub(super) fn every(interval: Duration) -> Self {
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for the next request's turn.
    pub(super) async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let at = (*next).max(now);
            *next = at + self.interval;
            at.checked_sub(self.interval * BURST).unwrap_or(now)
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_the_rest_is_spread() {
        let (start, spacing) = (Instant::now(), Spacing::new());
        for _ in 0..=BURST {
            spacing.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..40 {
            spacing.turn().await;
        }
        assert!(start.elapsed() >= Duration::from_secs(10) && start.elapsed() < Duration::from_secs(11));
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_than_a_third_of_what_the_account_may_make() {
        let (start, spacing) = (Instant::now(), Spacing::new());
        let mut made = 0;
        while start.elapsed() < Duration::from_secs(60) {
            spacing.turn().await;
            made += 1;
        }
        assert!((240..=310).contains(&made), "{made}");
    }
}

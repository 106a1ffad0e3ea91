use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a request counts. The service counts it a little after it left, so a little more than its minute.
const WINDOW: Duration = Duration::from_secs(61);

/// Keeps the requests of a client below the account's ceiling in any minute.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    /// Whoever waits for a request to be allowed holds it, so that all others queue up behind, in the order they came.
    left: Mutex<VecDeque<Instant>>,
}

impl Budget {
    /// So many requests in any minute.
    pub(super) fn new(most: u32) -> Self {
        Self { most: usize::try_from(most.max(1)).unwrap_or(usize::MAX), left: Mutex::default() }
    }

    /// Waits until one more request may leave, and counts it: first come, first served, so that many small reads cannot keep
    /// a send from leaving.
    ///
    /// Dropped while it waits, it has counted nothing.
    pub(super) async fn spend(&self) {
        let mut left = self.left.lock().await;
        while let Some(oldest) = left.front().copied().filter(|_| left.len() >= self.most) {
            tokio::time::sleep_until(oldest + WINDOW).await;
            left.pop_front();
        }
        left.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_requests_than_allowed_and_all_of_them_are_usable() {
        let (budget, start) = (Budget::new(10), Instant::now());
        let mut times = Vec::new();
        for _ in 0..35 {
            budget.spend().await;
            times.push(start.elapsed());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(
            times.windows(11).all(|window| window[10] - window[0] > Duration::from_secs(60)),
            "{times:?}"
        );
        assert!(times[9] < Duration::from_secs(10) && times[34] < Duration::from_secs(4 * 61), "{times:?}");
    }
    #[tokio::test(start_paused = true)]
    async fn who_came_first_leaves_first_even_if_it_is_slow_to_notice() {
        let budget = Budget::new(1);
        budget.spend().await;
        let mut first = pin!(budget.spend());
        assert_eq!(first.as_mut().now_or_never(), None);
        tokio::time::advance(2 * WINDOW).await;
        assert_eq!(budget.spend().now_or_never(), None, "somebody else waits already");
        assert_eq!(first.now_or_never(), Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_has_counted_nothing() {
        let (budget, start) = (Budget::new(1), Instant::now());
        budget.spend().await;
        assert!(tokio::time::timeout(Duration::from_secs(30), budget.spend()).await.is_err());
        budget.spend().await;
        assert_eq!(start.elapsed(), WINDOW);
    }
}

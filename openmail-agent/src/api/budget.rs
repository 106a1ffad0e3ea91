use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a request counts. The service counts it a little after it left, so a little more than its minute.
const WINDOW: Duration = Duration::from_secs(61);

/// Keeps the requests of a client below the account's ceiling in any minute.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    left: Mutex<VecDeque<Instant>>,
}

impl Budget {
    /// So many requests in any minute.
    pub(super) fn new(most: u32) -> Self {
        Self { most: usize::try_from(most.max(1)).unwrap_or(usize::MAX), left: Mutex::default() }
    }

    /// Waits until one more request may leave, and counts it.
    ///
    /// Dropped while it waits, it has counted nothing.
    pub(super) async fn spend(&self) {
        while let Err(free_at) = self.try_spend(Instant::now()) {
            tokio::time::sleep_until(free_at).await;
        }
    }

    fn try_spend(&self, now: Instant) -> Result<(), Instant> {
        let mut left = self.lock();
        while left.front().is_some_and(|&oldest| oldest + WINDOW <= now) {
            left.pop_front();
        }
        match left.front() {
            Some(&oldest) if left.len() >= self.most => Err(oldest + WINDOW),
            _ => {
                left.push_back(now);
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
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
}

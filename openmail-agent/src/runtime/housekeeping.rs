//! Keeps the store small.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::model::Chain;
use crate::store::Store;

/// How often finished events are pruned.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How many are pruned at once, so that mail that comes in meanwhile does not wait long.
const AT_ONCE: usize = 1_000;

/// Forgets what was finished longer ago than the retention, again and again.
///
/// Not before the first round of the catch-up: after a stop that was longer than the retention, what is pruned could be
/// found again over REST and taken for news.
pub(super) async fn run(
    store: Arc<dyn Store>,
    clock: Clock,
    retention: Duration,
    mut rounds: watch::Receiver<u64>,
) {
    if rounds.wait_for(|rounds| *rounds > 0).await.is_err() {
        return;
    }
    loop {
        prune(&*store, &clock, retention).await;
        clock.sleep(EVERY).await;
    }
}

async fn prune(store: &dyn Store, clock: &Clock, retention: Duration) {
    loop {
        let now = clock.now();
        let retention = SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX);
        let before = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        match store.prune(before, now, AT_ONCE).await {
            Ok(0) => return,
            Ok(forgotten) => debug!(forgotten, "pruned"),
            Err(error) => {
                warn!(error = %Chain(&error), "finished events cannot be pruned; trying again in an hour");
                return;
            }
        }
    }
}

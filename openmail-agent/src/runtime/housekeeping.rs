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

/// How much earlier than an inbox was read its mail may have arrived, and not been in its list yet.
const LAG: SignedDuration = SignedDuration::from_hours(1);

/// How much longer than the retention anything is kept because an inbox cannot be read.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Forgets what was finished longer ago than the retention, again and again.
///
/// Nothing that came after an inbox was last read: it could be found there again, and taken for news.
pub(super) async fn run(
    store: Arc<dyn Store>,
    clock: Clock,
    retention: Duration,
    mut read_up_to: watch::Receiver<Option<Timestamp>>,
) {
    tokio::select! {
        _ = read_up_to.wait_for(Option::is_some) => {}
        () = clock.sleep(EVERY) => {}
    }
    loop {
        let read_up_to = *read_up_to.borrow_and_update();
        prune(&*store, &clock, retention, read_up_to).await;
        clock.sleep(EVERY).await;
    }
}

/// What was finished before this moment may be forgotten.
fn horizon(now: Timestamp, retention: Duration, read_up_to: Option<Timestamp>) -> Timestamp {
    let earlier = |moment: Timestamp, by| moment.checked_sub(by).unwrap_or(Timestamp::MIN);
    let due = earlier(now, SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX));
    let known = read_up_to.map_or(Timestamp::MIN, |read| earlier(read, LAG));
    due.min(known).max(earlier(due, LONGEST))
}

async fn prune(store: &dyn Store, clock: &Clock, retention: Duration, read_up_to: Option<Timestamp>) {
    loop {
        let now = clock.now();
        match store.prune(horizon(now, retention, read_up_to), now, AT_ONCE).await {
            Ok(0) => return,
            Ok(forgotten) => debug!(forgotten, "pruned"),
            Err(error) => {
                warn!(error = %Chain(&error), "finished events cannot be pruned; trying again in an hour");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::at;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn what_came_after_an_inbox_was_read_is_kept_but_not_for_ever() {
        let horizon =
            |now, read: Option<i64>| horizon(at(now), Duration::from_secs(7 * 24 * 60 * 60), read.map(at));
        assert_eq!(horizon(8 * DAY, Some(8 * DAY)), at(DAY));
        assert_eq!(horizon(8 * DAY, Some(DAY)), at(DAY - 3_600));
        assert_eq!(horizon(100 * DAY, Some(DAY)), at(63 * DAY), "the file does not grow without bound");
        assert_eq!(horizon(8 * DAY, None), at(-29 * DAY));
    }
}

//! Says to all that share the store that this process is alive, and so keeps what it took.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::model::Chain;
use crate::store::{Store, WORKER_LIFE, WorkerId};

/// How often. Three may go missing, or be late by as much, before others take over whose clocks show the same; of a process whose
/// clock is five seconds behind theirs, none.
const EVERY: Duration = WORKER_LIFE.checked_div(4).expect("four is not zero");

/// How long giving back what was taken may take at the end; without, the heartbeat lapses.
const GIVING_BACK: Duration = Duration::from_secs(2);

pub(super) struct Heartbeat {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) worker: WorkerId,
}

impl Heartbeat {
    /// Beats until told to stop, and then gives back at once whatever was not finished.
    pub(super) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.beat()).await;
        let retired = self.store.retire(&self.worker, self.clock.now());
        if let Ok(Err(error)) = tokio::time::timeout(GIVING_BACK, retired).await {
            debug!(error = %Chain(&error), "what was not finished is taken over a little later");
        }
    }

    async fn beat(&self) {
        let (mut is_new, mut fails) = (true, false);
        loop {
            match self.store.heartbeat(&self.worker, self.clock.now()).await {
                Ok(stood) => {
                    // Nobody else could take anything from a store that belongs to one process.
                    if !stood && !is_new && self.store.poll_every().is_some() {
                        warn!(
                            "this process was silent for too long: others may handle again what it had in hand"
                        );
                    }
                    (is_new, fails) = (false, false);
                }
                Err(error) if !fails => {
                    warn!(error = %Chain(&error), "the store cannot be told that this process is alive; trying again");
                    fails = true;
                }
                Err(_) => {}
            }
            self.clock.sleep(EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::fixture::{
        at, beats, ids, lease, lease_as, lease_request_of, mail, record, worker,
    };
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn a_worker_keeps_what_it_took_until_it_is_told_to_stop_and_then_gives_it_back_at_once() {
        let (store, clock) = (Arc::new(MemoryStore::new()), Clock::manual(at(0)));
        record(&*store, vec![mail("1", "i", "a", 0)]).await;
        assert_eq!(ids(&lease(&*store, 0, 1).await), ["1"]);
        let heartbeat = Heartbeat { store: store.clone(), clock: clock.clone(), worker: worker("w") };
        let stop = CancellationToken::new();
        let beating = tokio::spawn(heartbeat.run(stop.clone()));
        for now in (0..60).step_by(2) {
            beats("other", &*store, now..=now + 7).await;
            // Lets it be heard.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let (heard, waiting) = (at(now + 8), store.lease(lease_request_of("other", now, 0)).await);
            assert_eq!(waiting.unwrap().next_due, Some(heard));
            assert!(lease_as("other", &*store, now + 7, 1).await.is_empty());
            clock.advance(Duration::from_secs(2));
        }
        stop.cancel();
        beating.await.unwrap();
        assert_eq!(ids(&lease_as("other", &*store, 60, 1).await), ["1"]);
    }
}

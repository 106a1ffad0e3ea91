//! The end of an event: what becomes of it and what it owes, committed together.

use std::time::Duration;

use futures_util::FutureExt;
use tracing::{debug, error, warn};

use crate::failpoint::{Point, pass};
use crate::model::{Chain, ThreadId};
use crate::store::{self, Leased, Settlement, StoreErrorKind};

use super::finding::Finding;
use super::work::Workbench;

/// How long a stop waits for a handled thread to be marked as read.
const LAST_MARK: Duration = Duration::from_secs(1);

impl Workbench {
    /// Step 8: nothing is owed before this commits.
    pub(super) async fn settle(&self, leased: &Leased, finding: Finding) {
        let mut to_mark = finding.to_mark();
        for send in finding.sends.iter().filter(|send| send.stopped.is_some()) {
            warn!(key = %send.key, reason = send.stopped, "a reply is kept, and not sent");
        }
        let mut is_plain = false;
        let mut owes = finding.sends.iter().any(|send| send.stopped.is_none());
        let mut settlement = Settlement {
            lease: leased.lease.clone(),
            outcome: finding.outcome,
            now: self.now(),
            sends: finding.sends,
            notes: finding.notes,
        };
        for failures in 0.. {
            match self.commit(settlement.clone(), owes).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => {
                    warn!(error = %Chain(&error), "the outcome cannot be recorded; trying again");
                    self.services.clock.sleep(store::BACKOFF.with_half_jitter(failures)).await;
                    settlement.now = self.now();
                }
                // A store that does not take this outcome may take a plainer one.
                Err(error) if *error.kind() == StoreErrorKind::Corrupt && !is_plain => {
                    settlement.outcome = self.try_again(leased, Chain(&error).to_string());
                    (settlement.sends, settlement.notes) = (Vec::new(), Vec::new());
                    (owes, to_mark, is_plain) = (false, None, true);
                }
                // What a living worker has in hand nobody would ever take from it.
                Err(error) if *error.kind() == StoreErrorKind::Corrupt => {
                    error!(error = %Chain(&error), "the store does not take that the event is to be tried again; asking it again");
                    self.services.clock.sleep(store::BACKOFF.with_half_jitter(failures)).await;
                    settlement.now = self.now();
                }
                // An answer was lost: the outcome was recorded, or somebody else has the event.
                Err(error) if *error.kind() == StoreErrorKind::LeaseLost && failures > 0 => {
                    debug!(
                        "the outcome was recorded before the store's answer was lost, or others have the event"
                    );
                    break;
                }
                Err(error) => {
                    warn!(error = %Chain(&error), "the outcome was not recorded: the event is handled again");
                    return;
                }
            }
        }
        pass(Point::Settled);
        if let Some(thread_id) = to_mark {
            // What follows in the conversation need not wait for the service to take note.
            self.intake.wake().notify_one();
            let mark = Box::pin(self.mark_read(&thread_id));
            tokio::select! {
                () = mark => {}
                () = self.stop_has_waited() => debug!(thread = %thread_id, "the thread is not marked read: the runtime stops"),
            }
        }
    }

    async fn commit(&self, settlement: Settlement, owes: bool) -> store::Result<()> {
        let mut settling = self.services.store.settle(settlement);
        let at_once = (&mut settling).now_or_never();
        if owes {
            // A store that does one thing after the other finds what is owed while it commits it: a reply costs one sync less.
            self.services.outbox.wake();
        }
        if let Some(settled) = at_once {
            return settled;
        }
        let settled = settling.await;
        if owes {
            self.services.outbox.wake();
        }
        settled
    }

    /// The service may take its time, and a stop has better things to wait for.
    async fn stop_has_waited(&self) {
        self.services.stopping.cancelled().await;
        tokio::time::sleep(LAST_MARK).await;
    }

    /// A failure to do so loses nothing.
    async fn mark_read(&self, thread_id: &ThreadId) {
        if let Err(error) = self.services.client.mark_thread(thread_id, true).await {
            debug!(thread = %thread_id, error = %Chain(&error), "the thread was not marked read");
        }
    }
}

#[cfg(test)]
mod tests;

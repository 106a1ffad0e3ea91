use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::clock::after;
use crate::model::Inbox;
use crate::transport::readiness::Known;
use crate::transport::{GapReason, GapSignal, Readiness};

use super::round::CatchUp;

/// How often to look while events arrive as they should.
const ROUTINE: Duration = Duration::from_secs(10 * 60);
/// How often to look while nothing else brings mail.
const ALONE: Duration = Duration::from_secs(60);
/// When to look again after a gap: a row can lag its frame by some seconds.
const AFTER_A_GAP: Duration = Duration::from_secs(30);
/// How long suspicions gather before they are followed.
const GATHER: Duration = Duration::from_millis(300);
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(5 * 60));

/// What the catch-up needs to know of what goes on around it.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// The inboxes to read; one that is added is read at once.
    inboxes: watch::Receiver<Vec<Inbox>>,
    /// Who suspects that mail was missed.
    gaps: GapSignal,
    /// What else brings mail.
    known: watch::Receiver<Known>,
}

impl Surroundings {
    pub(crate) fn new(inboxes: watch::Receiver<Vec<Inbox>>, gaps: GapSignal, readiness: &Readiness) -> Self {
        Self { inboxes, gaps, known: readiness.known() }
    }

    /// How long to go without looking.
    fn interval(&mut self) -> Duration {
        if self.known.borrow_and_update().brings_mail() { ROUTINE } else { ALONE }
    }

    /// Waits until the inboxes change, or what else brings mail. Tells whether it was the inboxes.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            () = next_change(&mut self.inboxes) => true,
            () = next_change(&mut self.known) => false,
        }
    }
}

/// Waits for the next value; for ever, where there will be none.
async fn next_change<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        std::future::pending().await
    }
}

impl CatchUp {
    /// Looks at the start, after every suspected gap, for every new inbox, and now and then: every 10 minutes, or every
    /// minute while neither the socket is live nor webhooks are taken. What fails is tried again, further and further
    /// apart.
    ///
    /// Ends on `shutdown`.
    ///
    /// # Cancel safety
    ///
    /// As [`run_once`](CatchUp::run_once).
    pub(crate) async fn run(&self, mut around: Surroundings, shutdown: CancellationToken) {
        let rounds = async {
            let mut reason = GapReason::Start;
            let mut failures = 0;
            loop {
                let inboxes = around.inboxes.borrow_and_update().clone();
                let report = self.run_once(&inboxes, reason).await;
                let retry = report.retry_after(BACKOFF.with_half_jitter(failures));
                failures = if retry.is_some() { failures.saturating_add(1) } else { 0 };
                let again = retry.or_else(|| follows_up(reason).then_some(AFTER_A_GAP));
                reason = self.next_reason(&mut around, again).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Waits until there is a reason to look again.
    async fn next_reason(&self, around: &mut Surroundings, again: Option<Duration>) -> GapReason {
        let clock = self.intake().clock();
        let mut last = clock.now();
        loop {
            let wait = around.interval();
            // A clock that was set back meanwhile puts nothing off.
            last = last.min(clock.now());
            let due: Timestamp = after(last, again.map_or(wait, |again| again.min(wait)));
            let gaps = around.gaps.clone();
            tokio::select! {
                reason = gaps.suspected() => {
                    tokio::time::sleep(GATHER).await;
                    gaps.take();
                    return reason;
                }
                () = clock.sleep_until(due) => return GapReason::Routine,
                inboxes = around.changed() => if inboxes {
                    return GapReason::NewInbox;
                },
            }
        }
    }
}

/// Whether to look once more soon after.
fn follows_up(reason: GapReason) -> bool {
    !matches!(reason, GapReason::Routine)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn mail_that_comes_by_itself_is_looked_for_less_often_from_then_on() {
        let (readiness, (_inboxes, watched)) = (Readiness::new(), watch::channel(Vec::new()));
        let mut around = Surroundings::new(watched, GapSignal::new(), &readiness);
        assert_eq!(around.interval(), ALONE);
        assert_eq!(around.changed().now_or_never(), None);
        readiness.set_webhook(true);
        assert_eq!(around.changed().now_or_never(), Some(false), "as one that is mounted after the start");
        assert_eq!(around.interval(), ROUTINE);
    }
}

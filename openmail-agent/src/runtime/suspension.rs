//! What a suspension stops, and a reactivation lets go.

use std::time::Duration;

use tracing::{info, warn};

use crate::clock;
use crate::model::Lifecycle;
use crate::store::{self, Hold, HoldScope, Leased};

use super::work::Workbench;

/// When to ask by a send whether a suspension still stands. Reactivation is announced over webhooks only, and may be missed.
const SUSPENDED: Duration = Duration::from_secs(60 * 60);

impl Workbench {
    /// A suspension holds the sends it is about, a reactivation lets them go, whoever else is interested.
    pub(super) async fn apply(&self, lifecycle: &Lifecycle, leased: &Leased) -> store::Result<()> {
        let scope = match (&lifecycle.inbox_id, &lifecycle.pod_id) {
            (Some(inbox), _) => HoldScope::Inbox(inbox.clone()),
            (None, Some(pod)) => HoldScope::Pod(pod.clone()),
            (None, None) => return Ok(()),
        };
        let since = lifecycle.occurred_at.unwrap_or(leased.event.occurred_at);
        if lifecycle.is_suspension() {
            let reason = match &lifecycle.reason {
                Some(reason) => format!("{}: {reason}", lifecycle.kind),
                None => lifecycle.kind.to_string(),
            };
            warn!(?scope, reason, "suspended: its replies are held");
            // A handler that fails and is tried again does not have it last longer.
            let from = if leased.attempt > 1 { leased.event.received_at } else { self.now() };
            let until = clock::after(from, SUSPENDED);
            self.services.store.hold(Hold { scope, since, until, reason }).await
        } else {
            info!(?scope, "reactivated: its replies may go");
            self.services.store.release(&scope, since).await?;
            self.services.outbox.wake();
            Ok(())
        }
    }
}

//! To which service a store belongs: what waits in it for one must not be asked of another, nor answered there.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::api::THIS_MACHINE;
use crate::clock::{self, Clock};
use crate::model::{Chain, InboxId};
use crate::store::{Bookmark, Result, Store, WorkerId};

/// The bookmark that names the service.
const SERVICE: &str = "service";

/// The bookmark that names the inbox whose mail is in the store, where it is of one.
const SERVED: &str = "served";

/// What it says of a store with the mail of several.
const SEVERAL: &str = "several";

/// How long a process that decides keeps the others from it; with what clocks may be apart.
const TERM: Duration = Duration::from_secs(10);

/// How soon to look whether another process has decided.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A store, and the service that it is to be used with.
pub(super) struct Belonging<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) clock: &'a Clock,
    pub(super) worker: WorkerId,
    pub(super) service: String,
}

impl Belonging<'_> {
    /// Finds whether the store belongs to another service, and leaves it as it is.
    pub(super) async fn check(&self, problems: &mut Vec<String>) {
        match self.store.bookmark(SERVICE).await {
            Ok(first) => problems.extend(first.and_then(|first| self.mismatch(&first))),
            Err(error) => problems.push(unknown(&error)),
        }
    }

    /// The store belongs to this service from now on, unless it belongs to one. Of several processes that start together, one
    /// decides.
    pub(super) async fn claim(&self, problems: &mut Vec<String>) {
        match self.first().await {
            Ok(first) => problems.extend(self.mismatch(&first)),
            Err(error) => problems.push(unknown(&error)),
        }
    }

    /// Whether the store may hold mail of other inboxes than the one that is served from now on; `None` serves all of them.
    pub(super) async fn holds_others(&self, only: Option<&InboxId>) -> bool {
        let serves = only.map_or(SEVERAL, InboxId::as_str);
        let before = match self.store.bookmark(SERVED).await {
            Ok(before) => before,
            Err(error) => {
                warn!(error = %Chain(&error), "the store cannot tell whose mail it holds");
                return true;
            }
        };
        let holds = if before.as_deref().is_none_or(|before| before == serves) { serves } else { SEVERAL };
        if before.as_deref() != Some(holds) {
            let written = self.store.record(Vec::new(), Some(Bookmark::new(SERVED, holds))).await;
            if let Err(error) = written {
                warn!(error = %Chain(&error), "the store cannot note whose mail it holds");
            }
        }
        holds == SEVERAL && only.is_some()
    }

    /// The service that the store was first used with, which may be now.
    async fn first(&self) -> Result<String> {
        let began = Instant::now();
        loop {
            if let Some(first) = self.store.bookmark(SERVICE).await? {
                return Ok(first);
            }
            // A process whose clock stands still cannot see the term of one that died come to its end.
            if self.hold(TERM).await? || began.elapsed() > TERM * 2 {
                let decided = self.decide().await;
                self.hold(Duration::ZERO).await?;
                decided?;
            } else {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// Whoever had the turn before may have decided since this process looked.
    async fn decide(&self) -> Result<()> {
        if self.store.bookmark(SERVICE).await?.is_none() {
            self.store.record(Vec::new(), Some(Bookmark::new(SERVICE, &self.service))).await?;
        }
        Ok(())
    }

    async fn hold(&self, term: Duration) -> Result<bool> {
        let now = self.clock.now();
        self.store.claim(SERVICE, &self.worker, now, clock::after(now, term)).await
    }

    fn mismatch(&self, first: &str) -> Option<String> {
        (first != self.service).then(|| {
            format!(
                "the store was first used with the service {}, not with the one {}: set OPENMAIL_STORE to another store; or, if this one is meant to change over with all that waits in it, `DELETE FROM bookmarks WHERE name = '{SERVICE}'` there first (in Postgres, in the store's schema: `openmail_agent.bookmarks`, unless the URL names another)",
                place(first),
                place(&self.service)
            )
        })
    }
}

fn place(service: &str) -> String {
    if service == THIS_MACHINE { format!("on {service}") } else { format!("at `{service}`") }
}

fn unknown(error: &crate::store::StoreError) -> String {
    format!("the store cannot tell which service it belongs to: {}", Chain(error))
}

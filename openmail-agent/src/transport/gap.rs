use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Why mail may have been missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GapReason {
    /// The process has just started.
    Start,
    /// The socket was subscribed without a place to resume from.
    NoCursor,
    /// The service did not know the event to resume after.
    CursorRefused,
    /// As many events were replayed as the service replays at most: there may have been more.
    ReplayFull,
    /// The connection was lost, or grew silent, before the end of a replay was certain.
    ReplayUnfinished,
    /// An event is larger than the socket takes.
    Oversized,
    /// An inbox was added.
    NewInbox,
    /// Nothing suspicious: it was time to look.
    Routine,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::NoCursor => "subscribed without a cursor",
            Self::CursorRefused => "cursor refused",
            Self::ReplayFull => "replay full",
            Self::ReplayUnfinished => "replay unfinished",
            Self::Oversized => "event too large for the socket",
            Self::NewInbox => "new inbox",
            Self::Routine => "routine",
        })
    }
}

/// Carries the suspicion of a gap from whoever has it to the catch-up; suspicions that nobody has taken yet merge into
/// one.
#[derive(Debug, Clone, Default)]
pub(crate) struct GapSignal {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    suspected: Mutex<Option<GapReason>>,
    notify: Notify,
}

impl GapSignal {
    /// A signal that nobody has raised yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Says that mail may have been missed. The first reason is kept until it is taken.
    pub(crate) fn suspect(&self, reason: GapReason) {
        self.lock().get_or_insert(reason);
        self.shared.notify.notify_one();
    }

    /// Waits for a suspicion and takes it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes nothing.
    pub(crate) async fn suspected(&self) -> GapReason {
        loop {
            if let Some(reason) = self.take() {
                return reason;
            }
            self.shared.notify.notified().await;
        }
    }

    /// Takes the suspicion, if there is one now.
    pub(crate) fn take(&self) -> Option<GapReason> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<GapReason>> {
        self.shared.suspected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn suspicions_merge_and_are_taken_once() {
        let signal = GapSignal::new();
        signal.suspect(GapReason::ReplayFull);
        signal.clone().suspect(GapReason::NoCursor);
        assert_eq!(signal.suspected().await, GapReason::ReplayFull);
        assert_eq!(signal.take(), None);
        let waiting = signal.clone();
        let (reason, ()) = tokio::join!(waiting.suspected(), async { signal.suspect(GapReason::Oversized) });
        assert_eq!(reason, GapReason::Oversized);
    }
}

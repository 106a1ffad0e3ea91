use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::model::IdempotencyKey;
use crate::store::{self, SendState, Store};

/// How often a send is looked up that another process may be settling.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The outbox as others see it: they wake it when something is owed, and hear when something was sent.
#[derive(Clone)]
pub(crate) struct Outbox {
    store: Arc<dyn Store>,
    wake: Arc<Notify>,
    settled: broadcast::Sender<IdempotencyKey>,
}

impl Outbox {
    /// An outbox over what this store owes.
    #[must_use]
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, wake: Arc::default(), settled: broadcast::Sender::new(1024) }
    }

    /// Says that something is owed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Says so when this is dropped: whoever owes something may go away before the store has answered.
    pub(crate) fn wake_in_the_end(&self) -> impl Drop + use<> {
        scopeguard::guard(Arc::clone(&self.wake), |wake| wake.notify_one())
    }

    /// Waits until a send was taken or refused, at most this long, and tells where it stands.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn settled(&self, key: &IdempotencyKey, patience: Duration) -> store::Result<SendState> {
        let mut news = self.settled.subscribe();
        // Where there is no such time, it is waited without end.
        let deadline = tokio::time::Instant::now().checked_add(patience);
        loop {
            match self.store.send_state(key).await?.unwrap_or(SendState::Owed) {
                SendState::Owed if deadline.is_none_or(|deadline| tokio::time::Instant::now() < deadline) => {
                    let again = tokio::time::Instant::now() + LOOK_AGAIN;
                    let again = deadline.map_or(again, |deadline| deadline.min(again));
                    // News that was missed, and news that does not come, are both a reason to look again.
                    let _ = tokio::time::timeout_at(again, heard(&mut news, key)).await;
                }
                state => return Ok(state),
            }
        }
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn announce(&self, key: &IdempotencyKey) {
        // Nobody listening is fine.
        let _ = self.settled.send(key.clone());
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

async fn heard(news: &mut broadcast::Receiver<IdempotencyKey>, key: &IdempotencyKey) {
    while let Ok(settled) = news.recv().await {
        if settled == *key {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn patience_without_end_waits() {
        let outbox = Outbox::new(Arc::new(MemoryStore::new()));
        assert!(outbox.settled(&"key".into(), Duration::MAX).now_or_never().is_none());
        assert_eq!(outbox.settled(&"key".into(), Duration::ZERO).await.unwrap(), SendState::Owed);
    }
}

use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::transport::Readiness;
#[cfg(feature = "webhook")]
use crate::transport::webhook::Webhook;
use crate::transport::websocket::SocketState;

use super::{RuntimeError, RuntimeErrorKind};

/// A runtime at work.
///
/// Dropping it stops it at once; [`stop`](RunningRuntime::stop) stops it cleanly.
#[derive(Debug)]
pub struct RunningRuntime {
    pub(super) shutdown: CancellationToken,
    pub(super) supervisor: JoinHandle<Result<(), RuntimeError>>,
    pub(super) socket: watch::Receiver<SocketState>,
    pub(super) rounds: watch::Receiver<u64>,
    pub(super) readiness: Readiness,
    pub(super) webhook_addr: Option<SocketAddr>,
    #[cfg(feature = "webhook")]
    pub(super) webhook: Option<Webhook>,
}

impl RunningRuntime {
    /// Where the socket stands, to look at and to wait on.
    #[must_use]
    pub fn socket(&self) -> watch::Receiver<SocketState> {
        self.socket.clone()
    }

    /// Whether mail can be taken, as `/readyz` tells it.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Waits until mail can be taken: the subscription is confirmed, or webhooks are taken in its place.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// The service that takes webhooks, to mount in an axum application of your own instead of having it listen by itself;
    /// `None` without `OPENMAIL_WEBHOOK_SECRET`.
    #[cfg(feature = "webhook")]
    #[must_use]
    pub fn webhook(&self) -> Option<Webhook> {
        self.webhook.clone()
    }

    /// Waits until every inbox was read once since the start, so that what came while nothing ran is found, and what was there
    /// on the very first start is known to be history.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn caught_up(&self) {
        // Where the sender is gone, the runtime has ended, and there is nothing to wait for.
        let _ = self.rounds.clone().wait_for(|rounds| *rounds > 0).await;
    }

    /// Where webhooks are taken, with the port that was picked where 0 was asked for.
    #[must_use]
    pub fn webhook_addr(&self) -> Option<SocketAddr> {
        self.webhook_addr
    }

    /// Stops cleanly: intake stops, running handlers finish within the grace, the rest stays in the store.
    ///
    /// # Errors
    ///
    /// What had ended it before.
    pub async fn stop(mut self) -> Result<(), RuntimeError> {
        self.shutdown();
        self.ended().await
    }

    /// Says that it should stop cleanly.
    pub(super) fn shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has ended: it was told to stop, or cannot go on. A program that runs other things beside it learns from
    /// this that nobody handles mail any more.
    ///
    /// # Errors
    ///
    /// Why it could not go on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing. Not to be called again once it has answered.
    pub async fn ended(&mut self) -> Result<(), RuntimeError> {
        (&mut self.supervisor).await.unwrap_or_else(|error| {
            Err(RuntimeError::because(RuntimeErrorKind::Internal("supervisor"), error))
        })
    }

    /// Stops at once, as if the process had died: what was not settled is handled after the restart.
    pub async fn kill(mut self) {
        self.supervisor.abort();
        // The abort is what was asked for.
        let _ = self.ended().await;
    }
}

impl Drop for RunningRuntime {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

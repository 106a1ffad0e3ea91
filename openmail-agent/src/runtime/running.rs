use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::handler;
use crate::transport::Readiness;
#[cfg(feature = "webhook")]
use crate::transport::webhook::Webhook;
use crate::transport::websocket::SocketState;

use super::{RuntimeError, RuntimeErrorKind, shutdown};

/// A runtime at work.
///
/// Dropping it stops it at once; [`stop`](RunningRuntime::stop) stops it cleanly.
#[derive(Debug)]
#[must_use = "dropping it stops the runtime at once"]
pub struct RunningRuntime {
    pub(super) shutdown: CancellationToken,
    /// Cancelled when handlers were dropped that did not finish within the grace.
    pub(super) dropping: CancellationToken,
    pub(super) grace: Duration,
    pub(super) supervisor: Supervision,
    pub(super) socket: watch::Receiver<SocketState>,
    pub(super) rounds: watch::Receiver<u64>,
    pub(super) readiness: Readiness,
    pub(super) webhook_addr: Option<SocketAddr>,
    pub(super) client: Client,
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

    /// Waits until mail can be taken: the subscription is confirmed, here or in the process that holds the socket, or webhooks are taken
    /// in its place.
    ///
    /// # Errors
    ///
    /// Why the runtime has ended, where it has: mail can no longer be taken then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ready(&self) -> Result<(), RuntimeError> {
        tokio::select! {
            biased;
            ended = self.ended() => Err(why(ended)),
            () = self.readiness.ready() => Ok(()),
        }
    }

    /// The service that takes webhooks, to mount in an axum application of your own instead of having it listen by itself;
    /// `None` without `OPENMAIL_WEBHOOK_SECRET`.
    ///
    /// Whoever asks for it is taken to mount it: webhooks count as [taken](crate::transport::ReadinessReport::webhook) from then on. It answers 503 once
    /// the runtime stops. Its store is open for as long as it lives: drop it before another runtime opens the same file.
    #[cfg(feature = "webhook")]
    #[must_use]
    pub fn webhook(&self) -> Option<Webhook> {
        self.webhook.as_ref().inspect(|webhook| webhook.mark_served()).cloned()
    }

    /// Waits until every inbox was read once since the start, so that what came while nothing ran is found, and what was there
    /// on the very first start is known to be history.
    ///
    /// # Errors
    ///
    /// Why the runtime ended before that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn caught_up(&self) -> Result<(), RuntimeError> {
        let mut rounds = self.rounds.clone();
        tokio::select! {
            biased;
            Ok(_) = rounds.wait_for(|rounds| *rounds > 0) => Ok(()),
            ended = self.ended() => Err(why(ended)),
        }
    }

    /// The client with which the runtime calls the service: what a program calls over it shares the account's requests a minute with the
    /// handlers. A mail that it [sends](crate::api::Client::send) counts against no limit here, is not kept, and is not sent again by
    /// itself: have a handler write it where it can.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where webhooks are taken, with the port that was picked where 0 was asked for.
    #[must_use]
    pub fn webhook_addr(&self) -> Option<SocketAddr> {
        self.webhook_addr
    }

    /// Goes on until SIGTERM or Ctrl-C, then stops cleanly; a second signal stops at once. As [`Runtime::run`](super::Runtime::run), for
    /// a program that does other things meanwhile: [`Readiness::stopping`] tells these when to stop as well.
    ///
    /// # Errors
    ///
    /// Why it could not go on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it at once.
    pub async fn run_until_signal(self) -> handler::Result<()> {
        let grace = self.grace;
        shutdown::run_until_signalled(async { Ok(self) }, grace).await
    }

    /// Stops cleanly: intake stops, running handlers finish within the grace, the rest stays in the store.
    ///
    /// # Errors
    ///
    /// What had ended it before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops at once, as dropping the runtime does.
    pub async fn stop(self) -> Result<(), RuntimeError> {
        self.shutdown();
        self.ended().await
    }

    /// Whether there were handlers that did not finish when they were told to.
    pub(super) fn has_dropped(&self) -> bool {
        self.dropping.is_cancelled()
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
    /// Why it could not go on. Whoever asks again, or later, is told the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ended(&self) -> Result<(), RuntimeError> {
        self.supervisor.verdict.clone().await
    }

    /// Stops at once, as if the process had died: what was not settled is handled after the restart.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it all the same.
    pub async fn kill(self) {
        self.supervisor.abort.abort();
        // The abort is what was asked for.
        let _ = self.ended().await;
    }
}

impl Drop for RunningRuntime {
    fn drop(&mut self) {
        self.supervisor.abort.abort();
        // Somebody else's router may still answer `/readyz`.
        self.readiness.set_stopping();
    }
}

/// Why nothing more is to be waited for.
fn why(ended: Result<(), RuntimeError>) -> RuntimeError {
    ended.err().unwrap_or_else(|| RuntimeErrorKind::Stopped.into())
}

/// The task that runs it all, and what it ended with, to be asked for any number of times.
#[derive(Debug)]
pub(super) struct Supervision {
    abort: AbortHandle,
    verdict: Shared<BoxFuture<'static, Result<(), RuntimeError>>>,
}

impl Supervision {
    pub(super) fn of(task: JoinHandle<Result<(), RuntimeError>>) -> Self {
        let abort = task.abort_handle();
        let verdict = task.map(|ended| {
            ended.unwrap_or_else(|error| {
                Err(RuntimeError::because(RuntimeErrorKind::Internal("supervisor"), error))
            })
        });
        Self { abort, verdict: verdict.boxed().shared() }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    /// A runtime of which only the end is real.
    fn running(end: impl Future<Output = Result<(), RuntimeError>> + Send + 'static) -> RunningRuntime {
        RunningRuntime {
            shutdown: CancellationToken::new(),
            dropping: CancellationToken::new(),
            grace: Duration::ZERO,
            supervisor: Supervision::of(tokio::spawn(end)),
            socket: watch::channel(SocketState::Connecting).1,
            rounds: watch::channel(0).1,
            readiness: Readiness::new(),
            webhook_addr: None,
            client: Client::builder(crate::model::Secret::new("om_test")).build().unwrap(),
            #[cfg(feature = "webhook")]
            webhook: None,
        }
    }

    async fn refused() -> Result<(), RuntimeError> {
        Err(RuntimeError::because(RuntimeErrorKind::Store, "the disk is gone"))
    }

    fn assert_refused(verdict: Result<(), RuntimeError>) {
        let error = verdict.unwrap_err();
        assert_eq!(*error.kind(), RuntimeErrorKind::Store);
        assert_eq!(error.source().unwrap().to_string(), "the disk is gone");
    }

    #[tokio::test]
    async fn the_verdict_can_be_asked_for_any_number_of_times() {
        let it = running(refused());
        let (one, other) = tokio::join!(it.ended(), it.ended());
        [one, other, it.ended().await, it.stop().await].into_iter().for_each(assert_refused);
        let it = running(async { Ok(()) });
        it.ended().await.unwrap();
        it.kill().await;
    }

    #[tokio::test]
    async fn waiting_for_a_runtime_that_ends_tells_why_it_ended() {
        let it = running(refused());
        let (ready, caught_up) = tokio::join!(it.ready(), it.caught_up());
        [ready, caught_up].into_iter().for_each(assert_refused);
        let it = running(async { Ok(()) });
        assert_eq!(*it.ready().await.unwrap_err().kind(), RuntimeErrorKind::Stopped);
    }

    #[tokio::test]
    async fn a_runtime_that_has_ended_is_not_ready_whatever_was_known_before() {
        let it = running(async { panic!("a fault") });
        it.readiness.set_socket(SocketState::Live);
        let kind = it.ended().await.unwrap_err().kind().clone();
        assert_eq!(kind, RuntimeErrorKind::Internal("supervisor"));
        assert_eq!(*it.ready().await.unwrap_err().kind(), kind);
    }

    #[tokio::test]
    async fn the_first_of_ready_and_ended_can_be_waited_for() {
        let it = running(std::future::pending());
        it.readiness.set_socket(SocketState::Live);
        tokio::select! {
            ready = it.ready() => ready.unwrap(),
            ended = it.ended() => panic!("{ended:?}"),
        }
        let readiness = it.readiness().clone();
        drop(it);
        assert!(!readiness.is_ready(), "nobody handles mail any more");
    }
}

//! Runs the parts, ends them in the right order, and says why when one ends by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::model::Chain;
use crate::outbox::Sender;
use crate::store::{Store, StoreError};
use crate::transport::Readiness;
use crate::transport::websocket::StopReason;

use super::dispatch::Dispatcher;
use super::heartbeat::Heartbeat;
use super::intake::{Part, Transports};
use super::{RuntimeError, RuntimeErrorKind, housekeeping};

/// How much longer than the handlers' grace a stop may take: for giving back what they did not finish, and for the last
/// answers of the service.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) struct Supervisor {
    pub(super) transports: Transports,
    pub(super) dispatcher: Dispatcher,
    pub(super) sender: Sender,
    pub(super) heartbeat: Heartbeat,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) retention: Duration,
    pub(super) readiness: Readiness,
    pub(super) grace: Duration,
}

impl Supervisor {
    /// Runs until told to stop, or until a part that cannot be done without ends.
    ///
    /// Stops from the front to the back: no more mail comes in, running handlers finish, what they owe is sent as far as
    /// it is under way; everything else stays in the store.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<(), RuntimeError> {
        let (intake, dispatch, sending) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let mut chores = JoinSet::new();
        chores.spawn(housekeeping::run(
            Arc::clone(&self.store),
            self.clock.clone(),
            self.retention,
            self.transports.read_up_to(),
        ));
        let silence = CancellationToken::new();
        let mut heartbeat = JoinSet::new();
        heartbeat.spawn(self.heartbeat.run(silence.clone()));
        let mut transports = self.transports.spawn(&intake);
        let stopping = self.dispatcher.bench.services.stopping.clone();
        let mut core = JoinSet::new();
        let dispatcher = core.spawn(self.dispatcher.run(dispatch.clone())).id();
        let (sender, sender_shutdown) = (self.sender, sending.clone());
        core.spawn(async move {
            sender.run(sender_shutdown).await;
            Ok(())
        });

        let verdict = tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            verdict = watch(&mut transports) => verdict,
            ended = core.join_next_with_id() => Err(core_ended(ended, dispatcher)),
            ended = heartbeat.join_next() => Err(chore_ended("heartbeat", ended)),
            ended = chores.join_next() => Err(chore_ended("housekeeping", ended)),
        };
        if let Err(error) = &verdict {
            error!(error = %Chain(error), "stopping");
        }

        self.readiness.set_stopping();
        intake.cancel();
        dispatch.cancel();
        stopping.cancel();
        let closed = async { while transports.join_next().await.is_some() {} };
        let handled = async {
            // The dispatcher keeps to the grace by itself; what its handlers owe may be sent meanwhile.
            join_until(&mut core, 1).await;
            sending.cancel();
            join_until(&mut core, 0).await;
        };
        let longest = self.grace.saturating_add(LAST_WORDS);
        if tokio::time::timeout(longest, async { tokio::join!(closed, handled) }).await.is_err() {
            warn!("what was under way is done again after the restart, under the same keys");
        }
        // Last of all: what is still in hand is for others from here on.
        core.shutdown().await;
        silence.cancel();
        join_until(&mut heartbeat, 0).await;
        info!("stopped");
        verdict
    }
}

/// Watches the ways in; ends when one of them does that cannot be done without.
async fn watch(transports: &mut JoinSet<Part>) -> Result<(), RuntimeError> {
    while let Some(ended) = transports.join_next().await {
        match ended {
            Ok(Part::Socket(StopReason::ShutDown) | Part::Attendant) => {}
            Ok(Part::Socket(reason)) => return Err(RuntimeErrorKind::SocketRefused(reason).into()),
            #[cfg(feature = "webhook")]
            Ok(Part::Webhook) => return Err(RuntimeErrorKind::Internal("webhook listener").into()),
            Err(error) => return Err(RuntimeError::because(RuntimeErrorKind::Internal("intake"), error)),
        }
    }
    std::future::pending().await
}

/// What the dispatcher and the outbox end with.
type CoreResult = Result<(), StoreError>;

fn core_ended(
    ended: Option<Result<(tokio::task::Id, CoreResult), JoinError>>,
    dispatcher: tokio::task::Id,
) -> RuntimeError {
    let part = |id| if id == dispatcher { "dispatcher" } else { "outbox" };
    match ended {
        Some(Ok((_, Err(error)))) => RuntimeError::because(RuntimeErrorKind::Store, error),
        Some(Ok((id, Ok(())))) => RuntimeErrorKind::Internal(part(id)).into(),
        Some(Err(error)) => RuntimeError::because(RuntimeErrorKind::Internal(part(error.id())), error),
        None => RuntimeErrorKind::Internal("supervisor").into(),
    }
}

/// Neither ends by itself: without the one, others take over what is in hand here; without the other, the store grows for ever.
fn chore_ended(part: &'static str, ended: Option<Result<(), JoinError>>) -> RuntimeError {
    match ended {
        Some(Err(error)) => RuntimeError::because(RuntimeErrorKind::Internal(part), error),
        _ => RuntimeErrorKind::Internal(part).into(),
    }
}

async fn join_until<T: 'static>(set: &mut JoinSet<T>, left: usize) {
    while set.len() > left {
        let _ = set.join_next().await;
    }
}

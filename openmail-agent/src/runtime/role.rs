//! What one process does for all that share a store: it holds the socket, and another takes over when it falls silent.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::{self, Clock};
use crate::store::{Result, Store, WorkerId};
use crate::transport::GapSignal;
use crate::transport::websocket::{Degradation, SocketState, StopReason, WebSocket};

/// How long a process that falls silent keeps the role. With the wait until another one asks and connects, that is under ten seconds.
const TERM: Duration = Duration::from_secs(7);

/// How often the role is renewed by who has it, and asked for by who does not.
const RENEWAL: Duration = Duration::from_secs(1);

/// How long the socket may be without a subscription before others may try: their way to the service may be a better one.
const DEAF: Duration = Duration::from_secs(20);

/// How long others are then left to take the role. Each of them asks more than once in this time.
const OFFER: Duration = RENEWAL.saturating_mul(3);

/// How long giving the role up may take; without, it runs out.
const GIVING_UP: Duration = Duration::from_secs(2);

/// The right to hold the socket, among the processes that share a store.
pub(super) struct Role {
    pub(super) store: Arc<dyn Store>,
    pub(super) worker: WorkerId,
    pub(super) clock: Clock,
    /// The same for all processes that would receive the same.
    pub(super) name: String,
}

impl Role {
    /// Runs the socket whenever this process has the role, until shut down or until the socket is given up.
    ///
    /// Whoever is next resumes from the bookmark in the store.
    pub(super) async fn hold(
        &self,
        socket: &WebSocket,
        gaps: &GapSignal,
        shutdown: CancellationToken,
    ) -> StopReason {
        loop {
            let Some(until) = self.obtain(socket, &shutdown).await else { return StopReason::ShutDown };
            let turn = shutdown.child_token();
            let mut running = std::pin::pin!(socket.run(gaps, turn.clone()));
            let reason = tokio::select! {
                reason = &mut running => reason,
                () = self.lost(socket, until) => {
                    warn!("the hold on the socket has run out; another process may hold it from now on");
                    turn.cancel();
                    running.await
                }
            };
            self.give_up().await;
            if reason != StopReason::ShutDown || shutdown.is_cancelled() {
                return reason;
            }
        }
    }

    /// Waits until this process has the role, and tells until when; `None` on shutdown.
    async fn obtain(&self, socket: &WebSocket, shutdown: &CancellationToken) -> Option<Timestamp> {
        let mut is_waiting = false;
        while !shutdown.is_cancelled() {
            let until = clock::after(self.clock.now(), TERM);
            match self.claim(TERM).await {
                Ok(true) => {
                    if self.is_shared() {
                        info!("this process holds the socket");
                    }
                    return Some(until);
                }
                Ok(false) if !is_waiting => {
                    info!("another process holds the socket; standing by");
                    socket.stand_by();
                    is_waiting = true;
                }
                Ok(false) => {}
                Err(error) => warn!(%error, "the store cannot tell who holds the socket; trying again"),
            }
            shutdown.run_until_cancelled(self.clock.sleep(RENEWAL)).await;
        }
        None
    }

    /// Keeps the role for as long as it is polled; ends when it is lost, or may be.
    async fn lost(&self, socket: &WebSocket, mut until: Timestamp) {
        if !self.is_shared() {
            std::future::pending::<()>().await;
        }
        let (state, mut served) = (socket.state(), Instant::now());
        loop {
            self.clock.sleep(RENEWAL).await;
            if is_served(*state.borrow()) {
                served = Instant::now();
            } else if served.elapsed() >= DEAF {
                self.offer().await;
                (served, until) = (Instant::now(), clock::after(self.clock.now(), TERM));
            }
            let now = self.clock.now();
            match tokio::time::timeout(clock::until(now, until), self.claim(TERM)).await {
                Ok(Ok(true)) => until = clock::after(now, TERM),
                Ok(Err(error)) if now < until => warn!(%error, "the hold on the socket cannot be renewed"),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Leaves the role to whoever asks for it now. The socket goes on trying meanwhile: there may be nobody else.
    async fn offer(&self) {
        warn!("no subscription for {} seconds; another process may hold the socket", DEAF.as_secs());
        self.give_up().await;
        self.clock.sleep(OFFER).await;
    }

    async fn give_up(&self) {
        // Without an answer it runs out by itself.
        let _ = tokio::time::timeout(GIVING_UP, self.claim(Duration::ZERO)).await;
    }

    async fn claim(&self, term: Duration) -> Result<bool> {
        let now = self.clock.now();
        self.store.claim(&self.name, &self.worker, now, clock::after(now, term)).await
    }

    fn is_shared(&self) -> bool {
        self.store.poll_every().is_some()
    }
}

/// Whether the service serves this process, or would serve no other any better: a subscription is in force, or it is the account
/// that has to wait.
fn is_served(state: SocketState) -> bool {
    use Degradation::{Lost, Refused, Uncovered};
    match state {
        SocketState::Degraded(why) => {
            matches!(why, Uncovered | Refused(429) | Lost(Some(4008)))
        }
        state => state.is_ready(),
    }
}

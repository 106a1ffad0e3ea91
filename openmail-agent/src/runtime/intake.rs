//! The ways in: the socket, the webhook listener and the catch-up, put together.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "webhook")]
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
#[cfg(feature = "webhook")]
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use crate::api::Client;
use crate::clock::Clock;
use crate::model::{BoxError, Chain, InboxId};
use crate::store::WorkerId;
use crate::transport::catch_up::{CatchUp, Surroundings};
use crate::transport::websocket::{SocketState, StopReason, Subscriptions, WebSocket, WebSocketConfig};
use crate::transport::{GapSignal, Intake, Readiness, report_recording};

use super::Config;
use super::directory::Directory;
use super::listen::Listener;
use super::role::Role;

/// How long the list of inboxes may be old for each page of it, so that reading it again costs one request a minute.
const RELIST: Duration = Duration::from_secs(60);

/// When to try a socket again whose key was refused.
const REFUSED: Duration = Duration::from_secs(5 * 60);

/// How many inboxes are on a page.
const PAGE: usize = 100;

/// What the ways in are made of.
pub(super) struct Ways<'a> {
    pub(super) config: &'a Config,
    pub(super) only: Option<&'a InboxId>,
    pub(super) client: &'a Client,
    pub(super) intake: &'a Intake,
    pub(super) directory: &'a Arc<Directory>,
    pub(super) readiness: &'a Readiness,
    pub(super) worker: &'a WorkerId,
    /// Whether every inbox is read here whose mail may be in the store.
    pub(super) reads_all: bool,
    /// What takes webhooks that one of the settings' secrets signed, if there is one.
    #[cfg(feature = "webhook")]
    pub(super) webhook: Option<crate::transport::webhook::Webhook>,
}

impl Ways<'_> {
    fn socket(&self) -> Result<WebSocket, BoxError> {
        let mut config = WebSocketConfig::new(&self.config.base_url, self.config.api_key.clone());
        config.allow_plain_http = self.config.allow_plain_http;
        config.only = self.only.cloned();
        config.bookmark = self.socket_name();
        Ok(WebSocket::new(config, self.intake.clone())?)
    }

    /// What processes that would receive the same over the socket have in common.
    fn socket_name(&self) -> String {
        self.only.map_or_else(|| "websocket".to_owned(), |only| format!("websocket:{only}"))
    }

    fn role(&self) -> Role {
        Role {
            store: Arc::clone(self.intake.store()),
            worker: self.worker.clone(),
            clock: self.intake.clock().clone(),
            name: self.socket_name(),
        }
    }
}

/// The ways in, ready to be opened.
pub(super) struct Transports {
    socket: WebSocket,
    role: Role,
    #[cfg(feature = "webhook")]
    webhook: Option<(tokio::net::TcpListener, crate::transport::webhook::Webhook)>,
    catch_up: CatchUp,
    /// Whether every inbox is read here whose mail may be in the store.
    reads_all: bool,
    intake: Intake,
    gaps: GapSignal,
    readiness: Readiness,
    relist: Relist,
}

/// Which way in has ended.
pub(super) enum Part {
    /// The socket was given up, and nothing takes its place.
    Socket(StopReason),
    /// The webhook listener.
    #[cfg(feature = "webhook")]
    Webhook,
    /// What goes along with these: the catch-up, the look-out for new inboxes.
    Attendant,
}

impl Transports {
    /// # Errors
    ///
    /// When the socket cannot be set up from the settings.
    #[cfg_attr(
        not(feature = "webhook"),
        expect(unused_variables, reason = "nothing listens without the feature")
    )]
    pub(super) fn new(ways: Ways<'_>, listener: Listener) -> Result<Self, BoxError> {
        let socket = ways.socket()?;
        Ok(Self {
            catch_up: CatchUp::new(ways.client.clone(), ways.intake.clone()),
            reads_all: ways.reads_all,
            intake: ways.intake.clone(),
            gaps: GapSignal::new(),
            #[cfg(feature = "webhook")]
            webhook: listener.into_socket().zip(ways.webhook.clone()),
            readiness: ways.readiness.clone(),
            role: ways.role(),
            relist: Relist {
                client: ways.client.clone(),
                clock: ways.intake.clock().clone(),
                directory: Arc::clone(ways.directory),
                subscriptions: socket.subscriptions(),
            },
            socket,
        })
    }

    /// How many rounds the catch-up has made.
    pub(super) fn rounds(&self) -> watch::Receiver<u64> {
        self.catch_up.rounds()
    }

    /// Up to when every inbox was read over REST whose mail is in the store; never known where others than those that are read here have
    /// mail in it.
    pub(super) fn read_up_to(&self) -> watch::Receiver<Option<Timestamp>> {
        if self.reads_all { self.catch_up.read_up_to() } else { watch::channel(None).1 }
    }

    pub(super) fn state(&self) -> watch::Receiver<SocketState> {
        self.socket.state()
    }

    /// Opens all ways, each in a task of its own.
    pub(super) fn spawn(self, shutdown: &CancellationToken) -> JoinSet<Part> {
        let mut parts = JoinSet::new();
        let state = self.socket.state();
        // Before webhooks are taken, which would do where there were no socket.
        self.readiness.set_socket(*state.borrow());
        parts.spawn(report(state, self.readiness.clone()));
        let (intake, readiness, stop) = (self.intake, self.readiness.clone(), shutdown.clone());
        parts.spawn(async move {
            stop.run_until_cancelled(report_recording(&intake, &readiness)).await;
            Part::Attendant
        });
        #[cfg(feature = "webhook")]
        if let Some((listener, webhook)) = self.webhook {
            info!("taking webhooks at /webhooks");
            self.readiness.set_webhook(true);
            let stop = shutdown.clone();
            parts.spawn(async move {
                // Each in a task of its own: a connection that keeps a processor busy, or panics, is alone in that.
                let run = |connection| AbortOnDropHandle::new(tokio::spawn(connection)).map(drop);
                crate::transport::webhook::listen(listener, webhook, stop.clone(), run).await;
                if stop.is_cancelled() { Part::Attendant } else { Part::Webhook }
            });
        }
        let surroundings =
            Surroundings::new(self.relist.directory.list(), self.gaps.clone(), &self.readiness);
        let (catch_up, stop) = (self.catch_up, shutdown.clone());
        parts.spawn(async move {
            catch_up.run(surroundings, stop).await;
            Part::Attendant
        });
        let socket = Socket {
            socket: self.socket,
            role: self.role,
            gaps: self.gaps,
            readiness: self.readiness,
            clock: self.relist.clock.clone(),
        };
        let stop = shutdown.clone();
        parts.spawn(async move { Part::Socket(socket.run(stop).await) });
        let (relist, stop) = (self.relist, shutdown.clone());
        parts.spawn(async move {
            stop.run_until_cancelled(relist.run()).await;
            Part::Attendant
        });
        parts
    }
}

/// The socket, and what becomes of the runtime without it.
struct Socket {
    socket: WebSocket,
    role: Role,
    gaps: GapSignal,
    readiness: Readiness,
    clock: Clock,
}

impl Socket {
    /// Runs until shut down, or until the service refuses the key and there are no webhooks to go on with. Where there are,
    /// the socket is tried again now and then: a key can be let back in.
    async fn run(self, shutdown: CancellationToken) -> StopReason {
        loop {
            let reason = self.role.hold(&self.socket, &self.gaps, shutdown.clone()).await;
            if reason == StopReason::ShutDown || !self.readiness.takes_webhooks() {
                return reason;
            }
            error!(%reason, "going on with webhooks alone; the socket is tried again in {} minutes", REFUSED.as_secs() / 60);
            if shutdown.run_until_cancelled(self.clock.sleep(REFUSED)).await.is_none() {
                return StopReason::ShutDown;
            }
        }
    }
}

/// Passes on where the socket stands.
async fn report(mut state: watch::Receiver<SocketState>, readiness: Readiness) -> Part {
    loop {
        let now = *state.borrow_and_update();
        readiness.set_socket(now);
        if state.changed().await.is_err() {
            return Part::Attendant;
        }
    }
}

/// Looks out for inboxes that were made since.
struct Relist {
    client: Client,
    clock: Clock,
    directory: Arc<Directory>,
    subscriptions: Subscriptions,
}

impl Relist {
    async fn run(&self) {
        tokio::join!(self.keep_reading(), self.subscribe_anew());
    }

    /// A key's "all inboxes" are those that existed when it subscribed, so a new one needs a subscription of its own, whoever
    /// found it: the list, or a mail to it. The catch-up notices it by itself.
    async fn subscribe_anew(&self) {
        let mut list = self.directory.list();
        while list.changed().await.is_ok() {
            self.subscriptions.refresh();
        }
    }

    async fn keep_reading(&self) {
        loop {
            let pages = 1 + self.directory.list().borrow().len() / PAGE;
            self.clock.sleep(RELIST.saturating_mul(u32::try_from(pages).unwrap_or(u32::MAX))).await;
            self.read_list().await;
        }
    }

    async fn read_list(&self) {
        match self.client.all_inboxes().await {
            Ok(inboxes) => {
                let new = self.directory.refresh(inboxes);
                if new > 0 {
                    info!(new, "new inboxes");
                }
            }
            Err(error) => {
                warn!(error = %Chain(&error), "the list of inboxes cannot be read again; trying again later")
            }
        }
    }
}

use std::{
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::{Builder, StartError};
use crate::{
    control, guard, relay, rest,
    shared::Shared,
    smtp, storage, webhook,
    world::{Settings, World},
};

/// How long [`Sandbox::stop`] waits for what is still running.
const STOPPING: Duration = Duration::from_secs(5);

/// How long, in real time, what a step of [`Sandbox::advance_until`] brought has to run before the next.
const BETWEEN_STEPS: Duration = Duration::from_millis(5);

/// A running OpenMail, all of it in memory.
///
/// It lives on the tokio runtime that it was started on, and stops when it is dropped. The methods that are
/// not async do their work at once and can be called from anywhere.
#[derive(Debug)]
pub struct Sandbox {
    pub(super) shared: Arc<Shared>,
    addr: SocketAddr,
    smtp_addr: SocketAddr,
    base_url: String,
    key: String,
    _stop_on_drop: DropGuard,
}

impl Sandbox {
    /// Starts a sandbox with the service's own limits on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no port can be bound, or the client for webhooks cannot be set up.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// A builder, for a sandbox that differs.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) async fn launch(builder: Builder) -> Result<Self, StartError> {
        let api = bind(builder.addr).await?;
        let storage = bind(SocketAddr::new(builder.addr.ip(), 0)).await?;
        let mail = bind(builder.smtp_addr).await?;
        let addr = local_addr(&api, builder.addr)?;
        let smtp_addr = local_addr(&mail, builder.smtp_addr)?;
        let settings = Settings {
            base_url: format!("http://{}", reachable(addr)),
            smtp: reachable(smtp_addr).to_string(),
            storage_url: format!("http://{}", reachable(local_addr(&storage, addr)?)),
            ..builder.settings
        };
        let relay = settings.relay.as_deref().map(relay::transport).transpose();
        let relay = relay.map_err(|error| StartError::Relay(error.into()))?;
        let (base_url, key) = (settings.base_url.clone(), settings.key.clone());
        let is_key_public = key == Settings::default().key;
        let shared = Arc::new(Shared::new(World::new(settings), webhook_client()?));
        let stop_on_drop = shared.stopped.clone().drop_guard();
        let router = rest::router(shared.clone()).merge(control::router(shared.clone()));
        shared.tasks.spawn(serve(shared.clone(), api, guard::before(router, is_key_public)));
        shared.tasks.spawn(serve(shared.clone(), storage, storage::router(shared.clone())));
        shared.tasks.spawn(webhook::run(shared.clone()));
        shared.tasks.spawn(smtp::run(shared.clone(), mail));
        if let Some(transport) = relay {
            shared.tasks.spawn(relay::run(shared.clone(), transport));
        }
        Ok(Self { shared, addr, smtp_addr: reachable(smtp_addr), base_url, key, _stop_on_drop: stop_on_drop })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops it: sockets are closed with 1001, requests that are running are answered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the sandbox as well, without waiting for it to have stopped.
    pub async fn stop(self) {
        let shared = self.shared.clone();
        drop(self);
        shared.tasks.close();
        // A connection that a client holds open beyond this dies with the runtime.
        tokio::time::timeout(STOPPING, shared.tasks.wait()).await.ok();
    }

    /// The address that REST and WebSocket listen on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address that takes mail over SMTP, from any mail program.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp_addr
    }

    /// What `OPENMAIL_BASE_URL` has to be, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The account-wide key.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.key
    }

    /// The sandbox's time: real time plus what was added by [`advance`](Self::advance).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.read(World::now)
    }

    /// Moves the sandbox's time forward. What falls due happens at once: limits recover, webhook retries
    /// fire, keys and addresses expire, slow answers arrive.
    pub fn advance(&self, by: Duration) {
        self.shared.change(|world| world.clock.advance(by));
    }

    /// Moves the sandbox's time to the start of the next UTC day, where daily limits begin anew.
    pub fn advance_to_midnight(&self) {
        self.shared.change(World::advance_to_midnight);
    }

    /// Moves the sandbox's time forward, one step after the other, until something has happened, and gives what it gave. `follow` is
    /// told the time of each step: by it, the clock of an agent keeps up.
    ///
    /// An agent says when it tries again at the moment at which it has failed. A test that moves the time once may do so before
    /// that, and would wait for ever. With steps it waits a little longer.
    ///
    /// Each step is given some milliseconds of tokio's time, so the clocks may pass the moment by many steps: assert no upper bound. A
    /// `step` of zero moves nothing. Leave tokio's own clock running.
    ///
    /// ```
    /// # use openmail_sandbox::Sandbox;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sandbox = Sandbox::start().await.unwrap();
    /// let in_an_hour = sandbox.now() + Duration::from_secs(60 * 60);
    /// let hour_struck = sandbox.wait_for(|view| (view.now() >= in_an_hour).then_some("one"));
    /// let mut agents_clock = sandbox.now();
    /// let struck = sandbox.advance_until(Duration::from_secs(60), |now| agents_clock = now, hour_struck).await;
    /// assert_eq!(struck, "one");
    /// assert!(agents_clock >= in_an_hour);
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the time where it is.
    pub async fn advance_until<T>(
        &self,
        step: Duration,
        mut follow: impl FnMut(Timestamp),
        happens: impl Future<Output = T>,
    ) -> T {
        let mut happens = pin!(happens);
        loop {
            // Whatever has happened by now needs no further step.
            if let Ok(happened) = tokio::time::timeout(BETWEEN_STEPS, &mut happens).await {
                return happened;
            }
            self.advance(step);
            follow(self.now());
        }
    }
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).await.map_err(|source| StartError::Bind { addr, source })
}

fn local_addr(listener: &TcpListener, addr: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Bind { addr, source })
}

/// Listening on every address, it is reached on the local one.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() { SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port())) } else { addr }
}

fn webhook_client() -> Result<reqwest::Client, StartError> {
    // Fails only if the process has a provider already, which then serves as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    client.build().map_err(|error| StartError::WebhookClient(error.into()))
}

async fn serve(shared: Arc<Shared>, listener: TcpListener, router: Router) {
    let stopped = shared.stopped.clone().cancelled_owned();
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "listener failed");
    }
}

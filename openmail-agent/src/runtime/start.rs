//! From settings to a running runtime: everything that can be wrong is found here, before the first mail.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::api::Client;
use crate::handler::Services;
use crate::model::{BoxError, Inbox};
use crate::outbox::{Outbox, Sender};
use crate::router::{Router, RouterFacts, StartProblem};
use crate::store::{Store, WorkerId};
use crate::transport::websocket::SocketState;
use crate::transport::{Intake, Readiness};

use super::directory::Directory;
use super::dispatch::Dispatcher;
use super::intake::{Transports, Ways};
use super::listen::Listener;
use super::supervise::Supervisor;
use super::work::Workbench;
use super::{Runtime, RuntimeError, RuntimeErrorKind, StartError, StoreLocation};

/// A runtime at work.
///
/// Dropping it stops it at once; [`stop`](RunningRuntime::stop) stops it cleanly.
#[derive(Debug)]
pub struct RunningRuntime {
    shutdown: CancellationToken,
    supervisor: JoinHandle<Result<(), RuntimeError>>,
    socket: watch::Receiver<SocketState>,
    readiness: Readiness,
    webhook_addr: Option<SocketAddr>,
    #[cfg(feature = "webhook")]
    webhook: Option<crate::transport::webhook::Webhook>,
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
    pub fn webhook(&self) -> Option<crate::transport::webhook::Webhook> {
        let webhook = self.webhook.clone()?;
        self.readiness.set_webhook(true);
        Some(webhook)
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

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) -> Result<(), RuntimeError> {
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

/// Checks everything, reports all problems together, and starts.
pub(super) async fn start(mut runtime: Runtime) -> Result<RunningRuntime, StartError> {
    let mut problems = Vec::new();
    let client = client(&runtime, &mut problems);
    let inboxes = match &client {
        Some(client) => inboxes(client, runtime.config.inbox.as_deref(), &mut problems).await,
        None => None,
    };
    let router = router(&mut runtime, inboxes.as_deref(), &mut problems);
    let listener = Listener::bind(&runtime.config, &mut problems).await;
    let store = store(&runtime, &mut problems).await;
    StartError::unless_none(problems)?;
    let (Some(client), Some(inboxes), Some(router), Some(store)) = (client, inboxes, router, store) else {
        unreachable!("what could not be made has left a problem");
    };
    assemble(runtime, client, inboxes, router, store, listener)
        .map_err(|error| StartError::single(error.to_string()))
}

fn client(runtime: &Runtime, problems: &mut Vec<String>) -> Option<Client> {
    let client = Client::builder(runtime.config.api_key.clone()).base_url(&runtime.config.base_url).and_then(
        |builder| match runtime.requests_per_minute {
            Some(most) => builder.requests_per_minute(most).build(),
            None => builder.build(),
        },
    );
    client.map_err(|error| problems.push(error.to_string())).ok()
}

/// The inboxes the key sees; only the one that is asked for, where one is.
async fn inboxes(client: &Client, only: Option<&str>, problems: &mut Vec<String>) -> Option<Vec<Inbox>> {
    let all = match client.all_inboxes().await {
        Ok(all) => all,
        Err(error) => {
            problems.push(unlisted(&error));
            return None;
        }
    };
    let Some(only) = only else { return Some(all) };
    let is_it = |inbox: &Inbox| {
        inbox.id.as_str() == only
            || inbox.address.as_ref().is_some_and(|address| address.as_str().eq_ignore_ascii_case(only))
    };
    let found: Vec<Inbox> = all.into_iter().filter(is_it).collect();
    if found.is_empty() {
        problems.push(format!(
            "the key sees no inbox `{only}`: correct OPENMAIL_INBOX_ID or OPENMAIL_ADDRESS, or leave both unset to serve every inbox"
        ));
        return None;
    }
    Some(found)
}

fn unlisted(error: &crate::api::Error) -> String {
    use crate::api::ErrorKind;
    match error.kind() {
        ErrorKind::Unauthorized => {
            "the service does not accept OPENMAIL_API_KEY: create a new key in the OpenMail console"
                .to_owned()
        }
        _ => format!(
            "the inboxes cannot be listed: {}",
            crate::handler::Error::from_boxed(error.to_string().into())
        ),
    }
}

/// The table of handlers. Where the inboxes are not known, what depends on them is not held against the handlers.
fn router(runtime: &mut Runtime, inboxes: Option<&[Inbox]>, problems: &mut Vec<String>) -> Option<Router> {
    let routes = std::mem::take(&mut runtime.routes);
    let facts = RouterFacts::new(inboxes.unwrap_or_default(), &runtime.config.bindings, &runtime.states);
    let found = match Router::build(routes, &facts) {
        Ok(router) => return Some(router),
        Err(found) => found,
    };
    let is_known = |problem: &StartProblem| inboxes.is_some() || !problem.is_about_inboxes();
    problems.extend(found.iter().filter(|problem| is_known(problem)).map(ToString::to_string));
    None
}

async fn store(runtime: &Runtime, problems: &mut Vec<String>) -> Option<Arc<dyn Store>> {
    if let Some(store) = &runtime.store {
        return Some(Arc::clone(store));
    }
    match &runtime.config.store {
        StoreLocation::Memory => Some(Arc::new(crate::store::memory::MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        StoreLocation::Sqlite(path) => match crate::store::sqlite::SqliteStore::open(path).await {
            Ok(store) => Some(Arc::new(store)),
            Err(error) => {
                let error = crate::handler::Error::from(error);
                problems.push(format!("the store `{}` cannot be opened: {error}", path.display()));
                None
            }
        },
        #[cfg(not(feature = "sqlite"))]
        StoreLocation::Sqlite(_) => {
            problems.push("a SQLite store needs the feature `sqlite` of openmail-agent".to_owned());
            None
        }
    }
}

fn assemble(
    runtime: Runtime,
    client: Client,
    inboxes: Vec<Inbox>,
    router: Router,
    store: Arc<dyn Store>,
    listener: Listener,
) -> Result<RunningRuntime, BoxError> {
    for entry in router.entries() {
        info!("handler {entry}");
    }
    let only = runtime.config.inbox.as_ref().and_then(|_| inboxes.first().cloned());
    info!(inboxes = inboxes.len(), webhook = listener.addr().is_some(), "starting");
    let worker = worker_id(runtime.clock.now());
    let recorded = Arc::new(Notify::new());
    let outbox = Outbox::new(Arc::clone(&store));
    let services = Arc::new(Services {
        client: client.clone(),
        store: Arc::clone(&store),
        outbox: outbox.clone(),
        clock: runtime.clock.clone(),
        quotas: runtime.quotas,
    });
    let directory = Arc::new(Directory::new(inboxes));
    let intake = Intake::new(Arc::clone(&store), runtime.clock.clone(), Arc::clone(&recorded));
    let shutdown = CancellationToken::new();
    let webhook_addr = listener.addr();
    let readiness = Readiness::new();
    let ways = Ways {
        config: &runtime.config,
        only: only.as_ref(),
        client: &client,
        intake,
        clock: &runtime.clock,
        directory: &directory,
        readiness: &readiness,
    };
    #[cfg(feature = "webhook")]
    let webhook = ways.webhook();
    let transports = Transports::new(ways, listener)?;
    let socket = transports.state();
    let sender = sender(&services, &worker, &recorded);
    let dispatcher = Dispatcher {
        bench: Arc::new(Workbench {
            services,
            permits: permits(&router),
            router,
            directory: Arc::clone(&directory),
            states: Arc::new(runtime.states),
            allowed: runtime.config.allowed_senders.clone(),
            only,
            reads_rows: runtime.reads_rows,
            stopping: CancellationToken::new(),
            dropping: CancellationToken::new(),
        }),
        worker,
        concurrency: runtime.concurrency,
        per_inbox: runtime.per_inbox,
        wake: recorded,
        readiness: readiness.clone(),
        grace: runtime.grace,
    };
    let supervisor = Supervisor {
        transports,
        dispatcher,
        sender,
        store,
        clock: runtime.clock,
        retention: runtime.retention,
        readiness: readiness.clone(),
        grace: runtime.grace,
    };
    let supervisor = tokio::spawn(supervisor.run(shutdown.clone()));
    Ok(RunningRuntime {
        shutdown,
        supervisor,
        socket,
        readiness,
        webhook_addr,
        #[cfg(feature = "webhook")]
        webhook,
    })
}

/// A semaphore for each handler whose calls are bounded.
fn permits(router: &Router) -> HashMap<Arc<str>, Arc<Semaphore>> {
    let bounded = router
        .entries()
        .iter()
        .filter_map(|entry| Some((Arc::clone(entry.name()), Arc::new(Semaphore::new(entry.concurrency()?)))));
    bounded.collect()
}

fn sender(services: &Services, worker: &WorkerId, recorded: &Arc<Notify>) -> Sender {
    Sender {
        store: Arc::clone(&services.store),
        client: services.client.clone(),
        outbox: services.outbox.clone(),
        clock: services.clock.clone(),
        quotas: services.quotas,
        worker: worker.clone(),
        news: Arc::clone(recorded),
    }
}

/// A name that no other process has, for those that share a store.
fn worker_id(now: Timestamp) -> WorkerId {
    WorkerId(format!("{}-{}-{:08x}", std::process::id(), now.as_second(), rand::random::<u32>()).into())
}

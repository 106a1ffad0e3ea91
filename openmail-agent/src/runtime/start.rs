//! From settings to a running runtime: everything that can be wrong is found before the first mail.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::Client;
use crate::handler::{PayloadKind, Services};
use crate::model::BoxError;
use crate::router::Router;
use crate::store::{Store, WorkerId};
use crate::transport::{Intake, Readiness};

use super::belonging::Belonging;
use super::check::{self, Inboxes};
use super::directory::Directory;
use super::dispatch::Dispatcher;
use super::heartbeat::Heartbeat;
use super::intake::{Transports, Ways};
use super::listen::Listener;
use super::running::Supervision;
use super::screen;
use super::supervise::Supervisor;
use super::work::Workbench;
use super::{RunningRuntime, Runtime, StartError};

/// Checks everything, reports all problems together, and starts.
pub(super) async fn start(mut runtime: Runtime) -> Result<RunningRuntime, StartError> {
    let mut problems = std::mem::take(&mut runtime.problems);
    if !problems.is_empty() {
        // With the settings in doubt nothing is opened and nobody asked, but the handlers are looked at.
        check::router(&mut runtime, None, &mut problems);
        return Err(StartError::new(problems));
    }
    let client = check::client(&runtime, &mut problems);
    let inboxes = match &client {
        Some(client) => check::inboxes(client, runtime.config.inbox.as_deref(), &mut problems).await,
        None => None,
    };
    let router = check::router(&mut runtime, inboxes.as_ref(), &mut problems);
    let listener = Listener::bind(&runtime.config, &mut problems).await;
    let store = check::store(runtime.store.as_ref(), &runtime.config.store, &mut problems).await;
    if let (Some(client), Some(store)) = (&client, &store) {
        let belonging = belonging(&**store, client, &runtime);
        // A start that fails must not bind the store to what may be the mistake.
        match problems.is_empty() {
            true => belonging.claim(&mut problems).await,
            false => belonging.check(&mut problems).await,
        }
    }
    if !problems.is_empty() {
        return Err(StartError::new(problems));
    }
    let (Some(client), Some(inboxes), Some(router), Some(store)) = (client, inboxes, router, store) else {
        unreachable!("what could not be made has left a problem");
    };
    let only = inboxes.only.as_ref().map(|only| &only.id);
    let holds_others = belonging(&*store, &client, &runtime).holds_others(only).await;
    // Other processes may take mail of other inboxes at any time.
    let reads_all = only.is_none() || store.poll_every().is_none() && !holds_others;
    assemble(runtime, client, inboxes, router, store, listener, reads_all)
        .map_err(|error| StartError::new(vec![error.to_string()]))
}

fn belonging<'a>(store: &'a dyn Store, client: &Client, runtime: &'a Runtime) -> Belonging<'a> {
    Belonging {
        store,
        clock: &runtime.clock,
        worker: worker_id(runtime.clock.now()),
        service: client.service(),
    }
}

fn assemble(
    runtime: Runtime,
    client: Client,
    inboxes: Inboxes,
    router: Router,
    store: Arc<dyn Store>,
    listener: Listener,
    reads_all: bool,
) -> Result<RunningRuntime, BoxError> {
    announce(&runtime, &inboxes, &router, &listener);
    let only = inboxes.only.as_ref().map(|only| only.id.clone());
    let worker = worker_id(runtime.clock.now());
    let allowed = runtime.config.allowed_senders.clone();
    let services = Services::new(
        client.clone(),
        Arc::clone(&store),
        runtime.clock.clone(),
        runtime.quotas,
        runtime.loop_limits,
        screen::visible(allowed.clone()),
    );
    let directory = Arc::new(Directory::new(inboxes.all, only.clone()));
    let intake = Intake::new(Arc::clone(&store), runtime.clock.clone(), Arc::default());
    let intake = intake.serving_only(only.clone());
    let (readiness, webhook_addr) = (Readiness::new(), listener.addr());
    #[cfg(feature = "webhook")]
    let webhook = {
        let secrets = runtime.config.webhook_secrets.iter().cloned();
        crate::transport::webhook::Webhook::new(secrets, intake.clone(), readiness.clone())
    };
    let ways = Ways {
        config: &runtime.config,
        only: only.as_ref(),
        client: &client,
        intake: &intake,
        directory: &directory,
        readiness: &readiness,
        worker: &worker,
        reads_all,
        #[cfg(feature = "webhook")]
        webhook: webhook.clone(),
    };
    let transports = Transports::new(ways, listener)?;
    let (socket, rounds) = (transports.state(), transports.rounds());
    let mut bench = Workbench::new(services, intake, router, directory, runtime.states, allowed);
    bench.trusts_events = !runtime.reads_rows;
    let dropping = bench.dropping.clone();
    let supervisor = Supervisor {
        transports,
        sender: bench.sender(worker.clone(), only.clone()),
        heartbeat: Heartbeat {
            store: Arc::clone(&store),
            clock: runtime.clock.clone(),
            worker: worker.clone(),
        },
        dispatcher: Dispatcher {
            bench: Arc::new(bench),
            worker,
            only,
            concurrency: runtime.concurrency,
            per_inbox: runtime.per_inbox,
            readiness: readiness.clone(),
            grace: runtime.grace,
        },
        store,
        clock: runtime.clock,
        retention: runtime.retention,
        readiness: readiness.clone(),
        grace: runtime.grace,
    };
    let shutdown = CancellationToken::new();
    Ok(RunningRuntime {
        supervisor: Supervision::of(tokio::spawn(supervisor.run(shutdown.clone()))),
        shutdown,
        dropping,
        grace: runtime.grace,
        socket,
        rounds,
        readiness,
        webhook_addr,
        client,
        #[cfg(feature = "webhook")]
        webhook,
    })
}

/// Tells the operator what starts, and what will not be heard.
fn announce(runtime: &Runtime, inboxes: &Inboxes, router: &Router, listener: &Listener) {
    for entry in router.entries() {
        info!(description = entry.description(), "handler {entry}");
        let hears_of_suspensions = entry.kinds().iter().any(|kind| PayloadKind::Lifecycle.comes_with(kind));
        if hears_of_suspensions && runtime.config.webhook_secrets.is_empty() {
            warn!(
                "handler {} waits for what OpenMail announces over webhooks only: set OPENMAIL_WEBHOOK_ADDR and OPENMAIL_WEBHOOK_SECRET",
                entry.name()
            );
        }
    }
    let webhook = listener.addr().map(tracing::field::display);
    info!(inboxes = inboxes.served().len(), webhook, "starting");
}

/// A name that no other process has, for those that share a store.
fn worker_id(now: Timestamp) -> WorkerId {
    WorkerId(format!("{}-{}-{:08x}", std::process::id(), now.as_second(), rand::random::<u32>()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Mail, State};
    use crate::router::Route;
    use crate::runtime::Config;

    #[tokio::test]
    async fn what_is_wrong_with_the_settings_and_with_the_handlers_is_reported_together() {
        async fn needy(_: Mail, _: State<u64>) {}
        let (config, problems) = Config::read([("OPENMAIL_STORE".to_owned(), "nowhere".to_owned())]);
        let mut runtime = Runtime::new(config);
        runtime.problems = problems;
        let error = runtime.handlers([Route::new("needy", needy)]).start().await.unwrap_err().to_string();
        for part in ["OPENMAIL_API_KEY", "OPENMAIL_STORE", "`State<u64>`"] {
            assert!(error.contains(part), "{part} is missing in:\n{error}");
        }
    }

    #[test]
    fn a_start_can_be_a_task_of_its_own() {
        fn is_send<T: Send>(_: T) {}
        is_send(Runtime::new(Config::new("om_1")).start());
        is_send(Runtime::new(Config::new("om_1")).run());
    }
}

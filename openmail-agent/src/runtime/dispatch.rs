//! Takes events that are due and has them handled.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::failpoint::{Point, pass};
use crate::give_way::give_way;
use crate::model::{Chain, InboxId};
use crate::store::{self, LeaseRequest, Leases, StoreError, WorkerId};
use crate::transport::Readiness;

use super::crew::Crew;
use super::work::Workbench;

/// How long giving back what was not finished may take.
const GIVE_BACK: Duration = Duration::from_secs(2);

pub(super) struct Dispatcher {
    pub(super) bench: Arc<Workbench>,
    pub(super) worker: WorkerId,
    /// The only inbox that is served, where there is but one: others that share the store may serve the rest.
    pub(super) only: Option<InboxId>,
    pub(super) concurrency: usize,
    pub(super) per_inbox: usize,
    pub(super) readiness: Readiness,
    pub(super) grace: Duration,
}

impl Dispatcher {
    /// Dispatches until shut down, then waits for running handlers, but no longer than the grace. A handler that takes
    /// longer is dropped; its event is handled again after the restart.
    ///
    /// # Errors
    ///
    /// When the store cannot be used any more.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<(), StoreError> {
        let (crew, mut tasks) = (Arc::new(Crew::new(Arc::clone(&self.bench))), JoinSet::new());
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            let next = match self.lease(&crew, &mut tasks).await {
                Ok(leases) => {
                    failures = 0;
                    self.readiness.set_store(true);
                    crew.put(leases.events);
                    call(&crew, &mut tasks);
                    let clock = &self.bench.services.clock;
                    store::look_again(&*self.bench.services.store, leases.next_due, clock.now())
                }
                Err(error) if !error.is_transient() => {
                    // Nothing that begins from here on could be recorded.
                    self.readiness.set_store(false);
                    self.bench.services.stopping.cancel();
                    self.finish(&crew, tasks).await;
                    return Err(error);
                }
                Err(error) => {
                    warn!(error = %Chain(&error), "what is due cannot be read from the store; trying again");
                    failures += 1;
                    self.readiness.set_store(false);
                    clock::after(self.bench.services.clock.now(), store::BACKOFF.with_half_jitter(failures))
                }
            };
            let has_room = crew.in_hand() < self.concurrency;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.bench.intake.wake().notified(), if has_room => {}
                () = self.bench.services.clock.sleep_until(next), if has_room => {}
                () = crew.has_run_out() => {}
                () = attend(&crew, &mut tasks) => {}
            }
            // One lease follows all that ends or arrives at the same time.
            give_way().await;
            while tasks.try_join_next().is_some() {}
        }
        self.finish(&crew, tasks).await;
        Ok(())
    }

    /// Takes what is due, as far as there is room. Tasks that are wanted meanwhile need not wait for the store.
    async fn lease(&self, crew: &Arc<Crew>, tasks: &mut JoinSet<()>) -> Result<Leases, StoreError> {
        let mut lease = pin!(self.take(crew.room(self.concurrency)));
        loop {
            tokio::select! {
                biased;
                leases = &mut lease => return leases,
                () = crew.are_wanted() => call(crew, tasks),
            }
        }
    }

    async fn take(&self, limit: usize) -> Result<Leases, StoreError> {
        if limit == 0 {
            return Ok(Leases::default());
        }
        let (worker, now) = (self.worker.clone(), self.bench.services.clock.now());
        let request = LeaseRequest {
            inbox: self.only.clone(),
            per_inbox: self.per_inbox,
            ..LeaseRequest::new(worker, limit, now)
        };
        let leases = self.bench.services.store.lease(request).await?;
        self.bench.intake.handed_out(leases.events.len(), leases.events.len() < limit);
        if !leases.events.is_empty() {
            pass(Point::Leased);
        }
        Ok(leases)
    }

    async fn finish(&self, crew: &Arc<Crew>, mut tasks: JoinSet<()>) {
        if crew.in_hand() > 0 {
            info!(events = crew.in_hand(), "waiting for running handlers");
        }
        if tokio::time::timeout(self.grace, end(crew, &mut tasks)).await.is_err() {
            warn!(
                events = crew.in_hand(),
                "handlers did not finish in time: their mail is handled after the restart"
            );
            self.bench.dropping.cancel();
            // A store that does not answer either must not keep the process: others take over when it is silent.
            let _ = tokio::time::timeout(GIVE_BACK, end(crew, &mut tasks)).await;
        }
    }
}

/// Calls tasks until nothing is left for any.
async fn end(crew: &Arc<Crew>, tasks: &mut JoinSet<()>) {
    loop {
        call(crew, tasks);
        if tasks.is_empty() {
            return;
        }
        attend(crew, tasks).await;
    }
}

/// Calls tasks whenever they are wanted, until one has nothing left to do.
async fn attend(crew: &Arc<Crew>, tasks: &mut JoinSet<()>) {
    loop {
        tokio::select! {
            _ = tasks.join_next(), if !tasks.is_empty() => return,
            () = crew.are_wanted() => call(crew, tasks),
        }
    }
}

fn call(crew: &Arc<Crew>, tasks: &mut JoinSet<()>) {
    for _ in 0..crew.call() {
        // Boxed, since a task is moved several times before it runs.
        tasks.spawn(Box::pin(Arc::clone(crew).work()));
    }
}

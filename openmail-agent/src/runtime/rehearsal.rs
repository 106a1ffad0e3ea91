//! The runtime without its transports: one event at a time, for tests of handlers.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::clock::Clock;
use crate::handler::{Services, States};
use crate::limit::{LoopLimits, Quotas};
use crate::model::{Event, EventId, Inbox};
use crate::outbox::Sender;
use crate::router::Router;
use crate::store::{self, EventOutcome, LeaseRequest, Leased, Settlement, Store, WorkerId};
use crate::transport::{Intake, Received, Via};
use crate::wire;

use super::AllowedSenders;
use super::directory::Directory;
use super::screen;
use super::work::Workbench;

/// What a rehearsal plays with.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) quotas: Quotas,
    pub(crate) router: Router,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) states: States,
}

/// Takes events the way the runtime does, from the record to the settlement, each when it is told to.
pub(crate) struct Rehearsal {
    bench: Arc<Workbench>,
    sender: Sender,
}

impl Rehearsal {
    pub(crate) fn new(stage: Stage) -> Self {
        let Stage { client, store, clock, quotas, router, inboxes, states } = stage;
        let intake = Intake::new(Arc::clone(&store), clock.clone(), Arc::default());
        let everyone = AllowedSenders::everyone();
        let visible = screen::visible(everyone.clone());
        let services = Services::new(client, store, clock, quotas, LoopLimits::default(), visible);
        let directory = Arc::new(Directory::new(inboxes, None));
        let bench = Workbench::new(services, intake, router, directory, states, everyone);
        Self { sender: bench.sender(worker(), None), bench: Arc::new(bench) }
    }

    /// One with these handlers, and a service that knows of nothing.
    #[cfg(test)]
    pub(super) fn of(routes: Vec<crate::router::Route>, store: Arc<dyn Store>, clock: Clock) -> Self {
        let nothing = || http::Response::builder().status(404).body(bytes::Bytes::new()).unwrap();
        let client =
            Client::builder(crate::model::Secret::new("om_test")).base_url("http://localhost").unwrap();
        let (bindings, states) = (std::collections::BTreeMap::new(), States::default());
        let facts = crate::router::RouterFacts::new(&[], &bindings, &states);
        Self::new(Stage {
            client: client.answered_by(crate::api::StandIn::new(move |_| Some(nothing()))).build().unwrap(),
            store,
            clock,
            quotas: Quotas::default(),
            router: Router::build(routes, &facts).unwrap(),
            inboxes: Vec::new(),
            states: States::default(),
        })
    }

    /// Records an event, as a frame of the socket is.
    pub(crate) async fn receive(&self, event: &Event) -> store::Result<()> {
        let body = wire::event::encode(event).into();
        let received =
            Received { body, event_id: Some(event.id.clone()), via: Via::WebSocket, envelope: None };
        self.bench.intake.take(vec![received], None).await.map(drop)
    }

    /// Waits for an event's turn: what is due before or beside it, such as the news of a reply that failed, is handled first.
    /// `None` where the event is not due.
    pub(crate) async fn turn(&self, event: &EventId) -> store::Result<Option<Leased>> {
        loop {
            let request = LeaseRequest::new(worker(), MOST, self.clock().now());
            let leased = self.bench.intake.store().lease(request).await?.events;
            if leased.is_empty() {
                return Ok(None);
            }
            let mut found = None;
            for leased in leased {
                if leased.event.event_id == *event {
                    found = Some(leased);
                } else {
                    self.handle(leased).await;
                }
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Handles an event whose turn it is, and settles it; what it owes before its end is sent meanwhile.
    pub(crate) async fn handle(&self, leased: Leased) {
        let done = CancellationToken::new();
        let handled = async {
            self.bench.handle(leased, None).await;
            done.cancel();
        };
        tokio::join!(handled, self.sender.run(done.clone()));
    }

    /// Has an event fail without its handler, as if earlier tries had; it is due again at once.
    pub(crate) async fn fail(&self, event: &EventId) -> store::Result<()> {
        let Some(Leased { lease, .. }) = self.turn(event).await? else { return Ok(()) };
        let now = self.clock().now();
        let outcome = EventOutcome::Retry { at: Timestamp::MIN, error: "an earlier try".to_owned() };
        let settlement = Settlement { lease, outcome, now, sends: Vec::new(), notes: Vec::new() };
        self.bench.intake.store().settle(settlement).await
    }

    #[cfg(test)]
    pub(super) fn bench(&self) -> &Arc<Workbench> {
        &self.bench
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.bench.intake.clock()
    }
}

/// More events than a rehearsal has.
const MOST: usize = 64;

fn worker() -> WorkerId {
    WorkerId("rehearsal".into())
}

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::api::Client;
use crate::clock::Clock;
use crate::handler::{States, memory_scope};
use crate::limit::Quotas;
use crate::model::{Secret, ThreadId};
use crate::router::{Route, Router, RouterFacts};
use crate::runtime::{Rehearsal, Stage};
use crate::store::{Note, NoteScope};

use super::commits::Commits;
use super::inboxes::Inboxes;
use super::ran::Rig;
use super::service::Service;
use super::{Incoming, Ran};

/// Runs one event through one handler, as the runtime would, without a server and without a network.
///
/// `handlers` are collected with [`handlers!`](crate::handlers); where there are several, the event goes to the one it would
/// go to. What they ask for is given before the `await`:
///
/// ```
/// use openmail_agent::prelude::*;
/// use openmail_agent::testing::{mail, run_one};
///
/// #[mail_handler]
/// async fn support(mail: Mail, State(shop): State<&'static str>) -> String {
///     format!("{shop} has your mail.")
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let ran = run_one(handlers![support], mail("Ada <ada@example.com>", "Hello?")).state("Acme").await;
/// assert_eq!(ran.reply().text(), "Acme has your mail.");
/// # });
/// ```
#[track_caller]
pub fn run_one(handlers: impl IntoIterator<Item = Route>, incoming: impl Into<Incoming>) -> RunOne {
    RunOne {
        routes: handlers.into_iter().collect(),
        incoming: incoming.into(),
        states: States::default(),
        memories: Vec::new(),
        clock: Clock::manual(Timestamp::now()),
        quotas: Quotas::default(),
        attempt: 1,
        service: Service::default(),
        asked_at: Location::caller(),
    }
}

/// An event on its way to a handler; `await` it.
#[must_use = "nothing runs until it is awaited"]
pub struct RunOne {
    routes: Vec<Route>,
    incoming: Incoming,
    states: States,
    /// Written once the conversation is known.
    memories: Vec<Box<dyn FnOnce(ThreadId) -> Note + Send>>,
    clock: Clock,
    quotas: Quotas,
    attempt: u32,
    service: Service,
    asked_at: &'static Location<'static>,
}

impl fmt::Debug for RunOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOne")
            .field("handlers", &self.routes.len())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl RunOne {
    /// Gives a value to handlers that ask for [`State<T>`](crate::handler::State).
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Says what the conversation remembers already, for [`Memory<T>`](crate::handler::Memory).
    ///
    /// # Panics
    ///
    /// When it cannot be written as JSON.
    #[track_caller]
    pub fn memory<T: Serialize>(mut self, value: &T) -> Self {
        let json = match serde_json::to_vec(value) {
            Ok(json) => json,
            Err(error) => panic!("the memory cannot be written as JSON: {error}"),
        };
        let scope: fn(ThreadId) -> NoteScope = memory_scope::<T>;
        self.memories.push(Box::new(move |thread| Note { scope: scope(thread), value: json.into() }));
        self
    }

    /// Says which try this is; the first unless told.
    pub fn attempt(mut self, number: u32) -> Self {
        self.attempt = number.max(1);
        self
    }

    /// What the inbox may send, for handlers that ask for their allowance or [`reply_now`](crate::handler::ReplyContext::reply_now).
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// What time it is while the handler runs; the time of the test unless told. It stands still.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.clock = Clock::manual(now);
        self
    }

    /// Has the service refuse what is sent while the handler runs, such as `(422, "recipient_suppressed")`.
    pub fn refuse_sends(self, status: u16, code: impl Into<String>) -> Self {
        self.service.refuse_sends(status, code.into());
        self
    }

    async fn run(self) -> Ran {
        let mut inboxes = Inboxes::named_by(&self.routes);
        let inbox = inboxes.find(match &self.incoming {
            Incoming::Mail(mail) => mail.inbox.as_deref(),
            _ => None,
        });
        let router = match Router::build(
            self.routes,
            &RouterFacts::new(&inboxes.all, &inboxes.bindings, &self.states),
        ) {
            Ok(router) => router,
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                panic!("{}: the handlers could not start:\n{}", self.asked_at, problems.join("\n"));
            }
        };
        let commits = Arc::new(Commits::default());
        let client = Client::builder(Secret::new("om_test"))
            .base_url("http://localhost")
            .and_then(|builder| builder.answered_by(self.service.stand_in()).build());
        let client = client.unwrap_or_else(|error| panic!("{}: no client: {error}", self.asked_at));
        let rehearsal = Rehearsal::new(Stage {
            client,
            store: commits.clone(),
            clock: self.clock,
            quotas: self.quotas,
            router,
            inboxes: inboxes.all,
            states: self.states,
        });
        let rig = Rig::new(rehearsal, commits, self.service, inbox);
        Arc::new(rig).play(self.incoming, self.memories, self.attempt, self.asked_at).await
    }
}

impl IntoFuture for RunOne {
    type Output = Ran;
    type IntoFuture = Pin<Box<dyn Future<Output = Ran> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

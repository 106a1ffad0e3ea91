use std::fmt::Write as _;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::clock;
use crate::handler::memory_scope;
use crate::model::{Event, EventId, EventKind, Inbox, Payload, ThreadId};
use crate::runtime::Rehearsal;
use crate::store::{EventOutcome, Note};

use super::commits::Commits;
use super::service::Service;
use super::{Incoming, IncomingMail, Sent};

/// What came of an event: what was committed, and nothing that was not.
#[derive(Clone)]
pub struct Ran {
    rig: Arc<Rig>,
    event: Event,
    outcome: EventOutcome,
    sent: Vec<Sent>,
}

impl Ran {
    /// What became of the event.
    #[must_use]
    pub fn outcome(&self) -> &EventOutcome {
        &self.outcome
    }

    /// Whether it was handled.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.outcome == EventOutcome::Done
    }

    /// What the handler failed with, with its causes; or why the event was parked.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            EventOutcome::Retry { error, .. } | EventOutcome::Dead { error } => Some(error),
            EventOutcome::Parked { reason } => Some(reason),
            EventOutcome::Done | EventOutcome::Defer { .. } => None,
        }
    }

    /// In what time it is tried again, if it is.
    #[must_use]
    pub fn tried_again_in(&self) -> Option<Duration> {
        match &self.outcome {
            EventOutcome::Retry { at, .. } => Some(clock::until(self.rig.rehearsal.clock().now(), *at)),
            _ => None,
        }
    }

    /// Every mail that was committed, in that order: replies, forwards, new threads, and what was
    /// [stopped](Sent::stopped).
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// The only mail that was committed.
    ///
    /// # Panics
    ///
    /// If there is none, or there are several; the message tells what became of the event.
    #[must_use]
    #[track_caller]
    pub fn reply(&self) -> &Sent {
        match self.sent.as_slice() {
            [one] => one,
            others => panic!("expected one reply, found {}{}", others.len(), self.story()),
        }
    }

    /// Makes sure that the event was handled and nothing was committed.
    ///
    /// # Panics
    ///
    /// If the handler failed or wrote something.
    #[track_caller]
    pub fn assert_silent(&self) {
        if !self.is_done() || !self.sent.is_empty() {
            panic!("expected nothing to be said{}", self.story());
        }
    }

    /// What the conversation remembers now, in a handler's [`Memory<T>`](crate::handler::Memory).
    ///
    /// # Panics
    ///
    /// If what is remembered is no `T`.
    #[must_use]
    #[track_caller]
    pub fn memory<T: DeserializeOwned>(&self) -> Option<T> {
        let json = self.rig.commits.remembered(&memory_scope::<T>(self.event.thread_id.clone()?))?;
        match serde_json::from_slice(&json) {
            Ok(value) => Some(value),
            Err(error) => panic!("the memory cannot be read back: {error}"),
        }
    }

    /// Whether the conversation was marked read at the service, as one is that was handled without an answer.
    #[must_use]
    pub fn is_marked_read(&self) -> bool {
        self.event.thread_id.as_ref().is_some_and(|thread| self.rig.service.is_read(thread.as_str()))
    }

    /// Tries the event once more, after its pause, as the runtime does with one that failed. Steps and replies that were
    /// committed before are not repeated; [`sent`](Ran::sent) has only what is new.
    ///
    /// # Panics
    ///
    /// If the event is not to be tried again.
    #[track_caller]
    pub fn again(&self) -> impl Future<Output = Ran> + use<> {
        let asked_at = Location::caller();
        let Some(pause) = self.tried_again_in() else {
            panic!("the event is not to be tried again{}", self.story());
        };
        let (rig, event) = (Arc::clone(&self.rig), self.event.clone());
        async move {
            // Stores count in milliseconds, and round up.
            rig.rehearsal.clock().advance(pause + Duration::from_millis(1));
            rig.handle(event, asked_at).await
        }
    }

    /// Runs the next mail of the same conversation, at the same inbox: what the first one changed is remembered, and its answer is in the thread.
    #[track_caller]
    pub fn then(&self, mail: IncomingMail) -> impl Future<Output = Ran> + use<> {
        let (asked_at, rig, thread_id) =
            (Location::caller(), Arc::clone(&self.rig), self.event.thread_id.clone());
        async move {
            let mail = mail.with(|message| message.thread_id = message.thread_id.take().or(thread_id));
            rig.play(mail.into(), Vec::new(), 1, asked_at).await
        }
    }

    fn story(&self) -> String {
        let mut story = format!("; the event is {:?}", self.outcome);
        for sent in &self.sent {
            write!(story, "\n  {sent:?}").ok();
        }
        story
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ran")
            .field("outcome", &self.outcome)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

/// The runtime that events are played to, one after the other.
pub(super) struct Rig {
    rehearsal: Rehearsal,
    commits: Arc<Commits>,
    service: Service,
    inbox: Inbox,
    events: AtomicUsize,
}

/// What is written into the store as soon as the conversation is known.
pub(super) type Memories = Vec<Box<dyn FnOnce(ThreadId) -> Note + Send>>;

impl Rig {
    pub(super) fn new(rehearsal: Rehearsal, commits: Arc<Commits>, service: Service, inbox: Inbox) -> Self {
        Self { rehearsal, commits, service, inbox, events: AtomicUsize::new(0) }
    }

    pub(super) async fn play(
        self: Arc<Self>,
        incoming: Incoming,
        memories: Memories,
        attempt: u32,
        asked_at: &'static Location<'static>,
    ) -> Ran {
        let event = self.arrive(incoming);
        if let Some(thread_id) = &event.thread_id {
            memories.into_iter().for_each(|memory| self.commits.give(memory(thread_id.clone())));
        }
        let recorded = self.rehearsal.receive(&event).await;
        recorded.unwrap_or_else(|error| panic!("{asked_at}: the event cannot be recorded: {error}"));
        for _ in 1..attempt {
            self.fail(&event.id, asked_at).await;
        }
        self.handle(event, asked_at).await
    }

    async fn fail(&self, event: &EventId, asked_at: &'static Location<'static>) {
        let failed = self.rehearsal.fail(event).await;
        failed.unwrap_or_else(|error| panic!("{asked_at}: an earlier try cannot be recorded: {error}"));
    }

    async fn handle(self: Arc<Self>, event: Event, asked_at: &'static Location<'static>) -> Ran {
        let turn = self.rehearsal.turn(&event.id).await;
        let turn = turn.unwrap_or_else(|error| panic!("{asked_at}: the event cannot be leased: {error}"));
        let leased = turn.unwrap_or_else(|| panic!("{asked_at}: the event is not due"));
        self.commits.take();
        self.rehearsal.handle(leased).await;
        let (Some(outcome), sent) = self.commits.take() else {
            panic!("{asked_at}: the event was not settled");
        };
        sent.iter().for_each(|sent| self.service.learn_sent(sent));
        Ran { rig: self, event, outcome, sent }
    }

    /// The event as the service would tell of it.
    fn arrive(&self, incoming: Incoming) -> Event {
        let number = self.events.fetch_add(1, Ordering::Relaxed) + 1;
        let now = self.rehearsal.clock().now();
        let (kind, payload) = match incoming {
            Incoming::Mail(mut mail) => {
                mail.arrive(&self.inbox, number, now);
                self.service.learn(&mail);
                return mail.event(&self.inbox, number);
            }
            Incoming::Event(event) => return *event,
            Incoming::Lifecycle(mut news) => {
                if news.kind.as_str().starts_with("pod.") {
                    news.pod_id =
                        news.pod_id.or_else(|| self.inbox.pod_id.clone()).or_else(|| Some("pod_1".into()));
                } else if news.inbox_id.is_none() {
                    news.inbox_id = Some(self.inbox.id.clone());
                    news.inbox_address = news.inbox_address.or_else(|| self.inbox.address.clone());
                }
                (news.kind.clone(), Payload::Lifecycle(news))
            }
            Incoming::SendFailure(failure) => (EventKind::REPLY_FAILED, Payload::SendFailure(failure)),
        };
        let inbox_id = match &payload {
            Payload::Lifecycle(news) => news.inbox_id.clone(),
            _ => Some(self.inbox.id.clone()),
        };
        let id = format!("evt_{number}").into();
        Event { id, kind, occurred_at: Some(now), inbox_id, external_id: None, thread_id: None, payload }
    }
}

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::handler::States;
use crate::model::{Event, EventKind, ExternalId, Inbox, InboxId, Message, Payload, PodId};

use super::check;
use super::entry::Entry;
use super::inboxes::{Key, KnownInboxes};
use super::pattern::{Filters, MailFacts};
use super::problem::StartProblem;
use super::route::Route;

/// What is known at start of the world that routes speak of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouterFacts<'a> {
    /// The inboxes that the key sees.
    pub inboxes: &'a [Inbox],
    /// The only one of them that is served, where there is but one.
    pub only: Option<&'a InboxId>,
    /// The names that the configuration binds, without `$`, each to an inbox's id or address.
    pub bindings: &'a BTreeMap<String, String>,
    /// The values given with `state`.
    pub states: &'a States,
}

impl<'a> RouterFacts<'a> {
    /// These facts.
    #[must_use]
    pub(crate) fn new(
        inboxes: &'a [Inbox],
        bindings: &'a BTreeMap<String, String>,
        states: &'a States,
    ) -> Self {
        Self { inboxes, only: None, bindings, states }
    }

    /// With one inbox that is served, and the others only known by name.
    #[must_use]
    pub(crate) fn serving_only(self, only: Option<&'a InboxId>) -> Self {
        Self { only, ..self }
    }
}

/// The table that says which handler an event goes to. It never changes.
pub(crate) struct Router {
    entries: Vec<Arc<Entry>>,
    /// The same by rank: those with filters before those without, each in the order of declaration.
    ranked: Vec<Arc<Entry>>,
    kinds: HashMap<EventKind, Kind>,
}

impl Router {
    /// Makes the table, if nothing is wrong with the handlers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once, in the order of declaration.
    pub(crate) fn build(routes: Vec<Route>, facts: &RouterFacts<'_>) -> Result<Self, Vec<StartProblem>> {
        let (router, problems) = Self::collect(routes, facts);
        if problems.is_empty() { Ok(router) } else { Err(problems) }
    }

    /// The table as far as it can be made, and what is wrong.
    pub(super) fn collect(routes: Vec<Route>, facts: &RouterFacts<'_>) -> (Self, Vec<StartProblem>) {
        let known = KnownInboxes::new(facts);
        let mut problems = Vec::new();
        check::names(&routes, &mut problems);
        let mut entries = Vec::with_capacity(routes.len());
        for route in routes {
            check::route(&route, facts.states, &mut problems);
            let mut keys = known.resolve(&route, &mut problems);
            let filters = Filters::parse(&route.from, &route.subject, |key, pattern, reason| {
                // What it would take is unknown, and so is what it overlaps.
                keys.clear();
                let (handler, pattern) = (route.name.clone(), pattern.to_owned());
                problems.push(StartProblem::MalformedPattern { handler, key, pattern, reason });
            });
            entries.push(Arc::new(Entry::new(route, keys, filters)));
        }
        let router = Self::from_entries(entries);
        check::precedence(&router, &known, &mut problems);
        (router, problems)
    }

    /// The handler for an event, if there is one.
    ///
    /// `message` is the mail, where more of it is known than the event carries; `inbox` is the inbox it is about, which need
    /// not have been there at start.
    #[must_use]
    pub(crate) fn route(
        &self,
        event: &Event,
        message: Option<&Message>,
        inbox: Option<&Inbox>,
    ) -> Option<&Arc<Entry>> {
        let kind = self.kinds.get(&event.kind)?;
        let place = Place::of(event, inbox);
        let mail = MailFacts::new(message.or(match &event.payload {
            Payload::Message(message) => Some(message),
            _ => None,
        }));
        let fits = |rank: Rank| self.ranked[rank as usize].filters.fit(&mail);
        let rank = kind.regular.first(&place, fits).or_else(|| kind.fallback.first(&place, fits))?;
        Some(&self.ranked[rank as usize])
    }

    /// The handlers, in the order in which they were declared.
    #[must_use]
    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    fn from_entries(entries: Vec<Arc<Entry>>) -> Self {
        let mut ranked = entries.clone();
        ranked.sort_by_key(|entry| !entry.is_filtered());
        let mut kinds: HashMap<EventKind, Kind> = HashMap::new();
        for (rank, entry) in (0..).zip(&ranked) {
            for kind in &entry.kinds {
                let kind = kinds.entry(kind.clone()).or_default();
                let scopes = if entry.fallback { &mut kind.fallback } else { &mut kind.regular };
                entry.keys.iter().for_each(|key| scopes.insert(key, rank));
            }
        }
        Self { entries, ranked, kinds }
    }

    pub(super) fn ranked(&self) -> &[Arc<Entry>] {
        &self.ranked
    }

    pub(super) fn kind(&self, kind: &EventKind) -> Option<&Kind> {
        self.kinds.get(kind)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}

/// A place in [`Router::ranked`]: of two that fit on the same level, the smaller is asked first.
pub(super) type Rank = u32;

/// The handlers of one kind of event.
#[derive(Default)]
pub(super) struct Kind {
    pub(super) regular: Scopes,
    pub(super) fallback: Scopes,
}

/// Handlers by what they serve; every list is in the order of rank.
#[derive(Default)]
pub(super) struct Scopes {
    inbox: HashMap<InboxId, Vec<Rank>>,
    external: HashMap<ExternalId, Vec<Rank>>,
    pod: HashMap<PodId, Vec<Rank>>,
    any: Vec<Rank>,
}

impl Scopes {
    fn insert(&mut self, key: &Key, rank: Rank) {
        match key {
            Key::Inbox(id) => self.inbox.entry(id.clone()).or_default().push(rank),
            Key::External(id) => self.external.entry(id.clone()).or_default().push(rank),
            Key::Pod(id) => self.pod.entry(id.clone()).or_default().push(rank),
            Key::Any => self.any.push(rank),
        }
    }

    pub(super) fn list(&self, key: &Key) -> &[Rank] {
        let list = match key {
            Key::Inbox(id) => self.inbox.get(id),
            Key::External(id) => self.external.get(id),
            Key::Pod(id) => self.pod.get(id),
            Key::Any => Some(&self.any),
        };
        list.map_or(&[], Vec::as_slice)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = &[Rank]> {
        let named = self.inbox.values().chain(self.external.values()).chain(self.pod.values());
        named.chain([&self.any]).map(Vec::as_slice)
    }

    /// The first on the most specific level on which one fits.
    fn first(&self, place: &Place<'_>, fits: impl Fn(Rank) -> bool) -> Option<Rank> {
        let first = |list: Option<&Vec<Rank>>| list?.iter().copied().find(|rank| fits(*rank));
        let by_id = first(place.inbox.and_then(|id| self.inbox.get(id)));
        let by_external = first(place.external.and_then(|id| self.external.get(id)));
        let by_inbox = by_id.into_iter().chain(by_external).min();
        by_inbox
            .or_else(|| first(place.pod.and_then(|id| self.pod.get(id))))
            .or_else(|| first(Some(&self.any)))
    }
}

/// Where an event happened.
struct Place<'a> {
    inbox: Option<&'a InboxId>,
    external: Option<&'a ExternalId>,
    pod: Option<&'a PodId>,
}

impl<'a> Place<'a> {
    fn of(event: &'a Event, inbox: Option<&'a Inbox>) -> Self {
        let told = match &event.payload {
            Payload::Lifecycle(lifecycle) => lifecycle.pod_id.as_ref(),
            _ => None,
        };
        Self {
            inbox: inbox.map(|inbox| &inbox.id).or(event.inbox_id.as_ref()),
            external: inbox.and_then(|inbox| inbox.external_id.as_ref()).or(event.external_id.as_ref()),
            pod: inbox.and_then(|inbox| inbox.pod_id.as_ref()).or(told),
        }
    }
}

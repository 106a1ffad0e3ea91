use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::handler::BoxedHandler;
use crate::model::EventKind;

use super::inboxes::Key;
use super::pattern::Filters;
use super::route::Route;

/// A handler in the table.
pub(crate) struct Entry {
    name: Arc<str>,
    service: BoxedHandler,
    description: Option<String>,
    timeout: Duration,
    retries: u32,
    concurrency: Option<usize>,
    reads_thread: bool,
    pub(super) kinds: Vec<EventKind>,
    pub(super) keys: Vec<Key>,
    pub(super) filters: Filters,
    pub(super) fallback: bool,
}

impl Entry {
    pub(super) fn new(route: Route, keys: Vec<Key>, filters: Filters) -> Self {
        let mut kinds = route.kinds().to_vec();
        kinds.sort();
        kinds.dedup();
        Self {
            name: route.name.into(),
            service: route.service,
            description: route.description,
            timeout: route.timeout,
            retries: route.retries,
            concurrency: route.concurrency,
            reads_thread: route.needs.has_thread(),
            kinds,
            keys,
            filters,
            fallback: route.fallback,
        }
    }

    /// The handler's name.
    #[must_use]
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it does, in its author's words.
    #[must_use]
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The handler with its layers, ready to be called.
    #[must_use]
    pub(crate) fn service(&self) -> BoxedHandler {
        self.service.clone()
    }

    /// How long one try may take.
    #[must_use]
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How many tries there are in all.
    #[must_use]
    pub(crate) fn attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }

    /// How many events it works on at once, where that is bounded.
    #[must_use]
    pub(crate) fn concurrency(&self) -> Option<usize> {
        self.concurrency
    }

    /// Whether it asks for the conversation.
    pub(crate) fn reads_thread(&self) -> bool {
        self.reads_thread
    }

    /// What it takes.
    #[must_use]
    pub(crate) fn kinds(&self) -> &[EventKind] {
        &self.kinds
    }

    /// Whether it may give way to another handler on the same inbox.
    #[must_use]
    pub(crate) fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
    }

    fn fmt_selection(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 3;
        // An external id stands for the inboxes that have it.
        let by_external = self.keys.iter().any(|key| matches!(key, Key::External(_)));
        let mut keys = self.keys.iter().filter(|key| !(by_external && matches!(key, Key::Inbox(_))));
        for (at, key) in keys.by_ref().take(MOST).enumerate() {
            f.write_str(if at == 0 { " " } else { ", " })?;
            match key {
                Key::Inbox(id) => write!(f, "in {id}")?,
                Key::External(id) => write!(f, "in external id {id}")?,
                Key::Pod(id) => write!(f, "in pod {id}")?,
                Key::Any => f.write_str("in every inbox")?,
            }
        }
        match keys.count() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// One line for the log at start, such as `support: message.received in inb_8f3a, filtered`; without addresses and patterns.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds.iter().map(EventKind::as_str).collect();
        write!(f, "{}: {}", self.name, kinds.join(" and "))?;
        self.fmt_selection(f)?;
        f.write_str(if self.is_filtered() { ", filtered" } else { "" })?;
        f.write_str(if self.fallback { ", as fallback" } else { "" })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({self})")
    }
}

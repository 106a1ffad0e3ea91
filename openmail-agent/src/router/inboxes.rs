use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Address, ExternalId, Inbox, InboxId, PodId};

use super::problem::{Near, StartProblem};
use super::route::Route;
use super::table::RouterFacts;

/// What a route serves, after every name in it was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Inbox(InboxId),
    External(ExternalId),
    Pod(PodId),
    Any,
}

/// The inboxes of the account, by everything a route can call them.
pub(super) struct KnownInboxes<'a> {
    by_id: HashMap<&'a str, &'a Inbox>,
    by_address: HashMap<&'a Address, &'a Inbox>,
    by_external: HashMap<&'a str, Vec<&'a Inbox>>,
    pods: BTreeSet<&'a str>,
    bindings: &'a BTreeMap<String, String>,
    only: Option<&'a InboxId>,
}

impl<'a> KnownInboxes<'a> {
    pub(super) fn new(facts: &RouterFacts<'a>) -> Self {
        let RouterFacts { inboxes, only, bindings, .. } = *facts;
        let mut by_external: HashMap<&str, Vec<&Inbox>> = HashMap::new();
        for inbox in inboxes {
            if let Some(external_id) = &inbox.external_id {
                by_external.entry(external_id.as_str()).or_default().push(inbox);
            }
        }
        Self {
            by_id: inboxes.iter().map(|inbox| (inbox.id.as_str(), inbox)).collect(),
            by_address: inboxes.iter().filter_map(|inbox| Some((inbox.address.as_ref()?, inbox))).collect(),
            by_external,
            pods: inboxes.iter().filter_map(|inbox| Some(inbox.pod_id.as_ref()?.as_str())).collect(),
            bindings,
            only,
        }
    }

    pub(super) fn pod_of(&self, id: &InboxId) -> Option<&'a PodId> {
        self.by_id.get(id.as_str())?.pod_id.as_ref()
    }

    /// What the route serves; empty when it names something and nothing of it exists.
    pub(super) fn resolve(&self, route: &Route, problems: &mut Vec<StartProblem>) -> Vec<Key> {
        let named = [&route.inboxes, &route.external_ids, &route.pods].map(|names| !names.is_empty());
        match named.iter().filter(|&&named| named).count() {
            0 => return vec![Key::Any],
            1 => {}
            _ => problems.push(StartProblem::SeveralSelections { handler: route.name.clone() }),
        }
        let mut keys = Vec::new();
        for result in (route.inboxes.iter().map(|name| self.inbox(route, name)))
            .chain(route.external_ids.iter().map(|name| self.external_id(route, name)))
            .chain(route.pods.iter().map(|name| self.pod(route, name)))
        {
            match result {
                Ok(found) => keys.extend(found),
                Err(problem) => problems.push(problem),
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    fn inbox(&self, route: &Route, name: &str) -> Result<Vec<Key>, StartProblem> {
        let handler = route.name.clone();
        let text = match name.trim().strip_prefix('$') {
            Some(variable) => self.bound(variable).ok_or_else(|| {
                let near = Near::find(variable, self.bindings.keys().map(String::as_str))
                    .map(|name| format!("${name}"));
                StartProblem::UnboundName { handler: handler.clone(), name: name.trim().to_owned(), near }
            })?,
            None => name.trim(),
        };
        let found = match text.contains('@') {
            true => {
                let address: Address = text.parse().map_err(|_| StartProblem::MalformedInbox {
                    handler: handler.clone(),
                    inbox: text.to_owned(),
                })?;
                self.by_address.get(&address)
            }
            false if is_malformed(text) => {
                return Err(StartProblem::MalformedInbox { handler, inbox: text.to_owned() });
            }
            false => self.by_id.get(text),
        };
        match found {
            Some(inbox) => self.served(route, text, vec![Key::Inbox(inbox.id.clone())]),
            None => Err(StartProblem::UnknownInbox {
                handler,
                inbox: text.to_owned(),
                bound_by: (name.trim() != text).then(|| name.trim().to_owned()),
                near: self.near_inboxes(text),
            }),
        }
    }

    /// What a name stands for; variables and their names are told apart by no case.
    fn bound(&self, name: &str) -> Option<&'a str> {
        self.bindings.get(&name.to_ascii_lowercase()).map(|bound| bound.trim())
    }

    /// The id itself for inboxes that come later, and the inboxes that have it now, so that overlaps show.
    fn external_id(&self, route: &Route, name: &str) -> Result<Vec<Key>, StartProblem> {
        let Some(inboxes) = self.by_external.get(name) else {
            return Err(StartProblem::UnknownExternalId {
                handler: route.name.clone(),
                external_id: name.to_owned(),
                near: Near::find(name, self.by_external.keys().copied()),
            });
        };
        let now = inboxes.iter().map(|inbox| Key::Inbox(inbox.id.clone()));
        self.served(route, name, now.chain([Key::External(name.into())]).collect())
    }

    fn pod(&self, route: &Route, name: &str) -> Result<Vec<Key>, StartProblem> {
        match self.pods.contains(name) {
            true => self.served(route, name, vec![Key::Pod(name.into())]),
            false => Err(StartProblem::UnknownPod {
                handler: route.name.clone(),
                pod: name.to_owned(),
                near: Near::find(name, self.pods.iter().copied()),
            }),
        }
    }

    /// What is found under a name, as far as this process serves it.
    fn served(&self, route: &Route, name: &str, mut found: Vec<Key>) -> Result<Vec<Key>, StartProblem> {
        let Some(only) = self.only else { return Ok(found) };
        found.retain(|key| match key {
            Key::Inbox(id) => id == only,
            Key::Pod(pod) => self.pod_of(only) == Some(pod),
            Key::External(_) | Key::Any => true,
        });
        let is_of_one = |key: &Key| matches!(key, Key::Inbox(_) | Key::Pod(_));
        match found.iter().any(is_of_one) {
            true => Ok(found),
            false => Err(StartProblem::ServedElsewhere {
                handler: route.name.clone(),
                named: name.to_owned(),
                only: only.clone(),
            }),
        }
    }

    fn near_inboxes(&self, text: &str) -> Near {
        match text.contains('@') {
            true => Near::find(text, self.by_address.keys().map(|address| address.as_str())),
            false => Near::find(text, self.by_id.keys().copied()),
        }
    }
}

fn is_malformed(inbox: &str) -> bool {
    inbox.is_empty() || inbox.contains(char::is_whitespace)
}

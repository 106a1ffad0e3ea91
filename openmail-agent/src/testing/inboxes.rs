use std::collections::BTreeMap;

use crate::model::{Address, Inbox};
use crate::router::Route;

/// The inboxes of the account that a test plays: those that the handlers name, or one.
#[derive(Default)]
pub(super) struct Inboxes {
    pub(super) all: Vec<Inbox>,
    pub(super) bindings: BTreeMap<String, String>,
}

impl Inboxes {
    pub(super) fn named_by(routes: &[Route]) -> Self {
        let mut inboxes = Self::default();
        for [names, external_ids, pods] in routes.iter().map(Route::named) {
            names.iter().for_each(|name| inboxes.add_named(name.trim()));
            external_ids.iter().for_each(|id| inboxes.add().external_id = Some(id.as_str().into()));
            pods.iter().for_each(|id| inboxes.add().pod_id = Some(id.as_str().into()));
        }
        if inboxes.all.is_empty() {
            inboxes.add();
        }
        inboxes
    }

    /// The inbox of this address or id, made if there is none; without one, the first.
    pub(super) fn find(&mut self, wanted: Option<&str>) -> Inbox {
        let Some(wanted) = wanted else { return self.all[0].clone() };
        if self.position(wanted).is_none() {
            self.add_named(wanted);
        }
        self.position(wanted).map_or_else(|| self.all[0].clone(), |at| self.all[at].clone())
    }

    fn add_named(&mut self, name: &str) {
        if let Some(variable) = name.strip_prefix('$') {
            let id = self.add().id.to_string();
            self.bindings.entry(variable.to_ascii_lowercase()).or_insert(id);
        } else if self.position(name).is_some() {
        } else if name.contains('@') {
            // One that is no address stays without an inbox, and is reported as it is at start.
            if let Ok(address) = name.parse() {
                self.add().address = Some(address);
            }
        } else if !name.is_empty() {
            self.add().id = name.into();
        }
    }

    fn position(&self, wanted: &str) -> Option<usize> {
        let address: Option<Address> = wanted.parse().ok();
        let is_it =
            |inbox: &Inbox| inbox.id.as_str() == wanted || (address.is_some() && inbox.address == address);
        self.all.iter().position(is_it)
    }

    fn add(&mut self) -> &mut Inbox {
        let number = self.all.len() + 1;
        let mut inbox = Inbox::new(format!("inb_{number}"));
        inbox.address = format!("agent-{number}@openmail.example").parse().ok();
        self.all.push(inbox);
        let last = self.all.len() - 1;
        &mut self.all[last]
    }
}

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::api::{self, Client};
use crate::model::{Address, Inbox, InboxId};

/// The inboxes the key sees, as far as they are known.
pub(super) struct Directory {
    known: RwLock<Known>,
    /// The ones that are served.
    list: watch::Sender<Vec<Inbox>>,
    /// The only one that is served, where there is but one.
    only: Option<InboxId>,
}

#[derive(Default)]
struct Known {
    inboxes: HashMap<InboxId, Arc<Inbox>>,
    addresses: HashSet<Address>,
}

impl Directory {
    /// All inboxes of the account, of which all are served, or only one.
    pub(super) fn new(all: Vec<Inbox>, only: Option<InboxId>) -> Self {
        let directory = Self { known: RwLock::default(), list: watch::Sender::new(Vec::new()), only };
        directory.refresh(all);
        directory
    }

    pub(super) fn get(&self, id: &InboxId) -> Option<Arc<Inbox>> {
        self.read(|known| known.inboxes.get(id).cloned())
    }

    /// Whether this is the address of an inbox of the account.
    pub(super) fn is_own(&self, address: &Address) -> bool {
        self.read(|known| known.addresses.contains(address))
    }

    /// Whether an address [is its own](Self::is_own), for those that know nothing of a directory.
    pub(super) fn own(self: Arc<Self>) -> Arc<dyn Fn(&Address) -> bool + Send + Sync> {
        Arc::new(move |address| self.is_own(address))
    }

    /// The inboxes, now and as they become more.
    pub(super) fn list(&self) -> watch::Receiver<Vec<Inbox>> {
        self.list.subscribe()
    }

    /// Takes a new list of all inboxes, and tells how many of those that are served were not known. One that is gone is served
    /// no longer, and its address stays an own one.
    pub(super) fn refresh(&self, all: Vec<Inbox>) -> usize {
        self.learn(&all);
        let served: Vec<Inbox> = all.into_iter().filter(|inbox| self.serves(&inbox.id)).collect();
        let mut new = 0;
        self.list.send_if_modified(|list| {
            let before: HashSet<&InboxId> = list.iter().map(|inbox| &inbox.id).collect();
            new = served.iter().filter(|inbox| !before.contains(&inbox.id)).count();
            let changed = new > 0 || served.len() < list.len();
            if changed {
                *list = served;
            }
            changed
        });
        new
    }

    fn learn(&self, inboxes: &[Inbox]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        inboxes.iter().for_each(|inbox| known.add(inbox));
    }

    fn serves(&self, id: &InboxId) -> bool {
        self.only.as_ref().is_none_or(|only| only == id)
    }

    /// The inbox, asked of the service where it is not known: it may be younger than this process.
    ///
    /// # Errors
    ///
    /// As the service answers.
    pub(super) async fn find(&self, id: &InboxId, client: &Client) -> Result<Arc<Inbox>, api::Error> {
        if let Some(inbox) = self.get(id) {
            return Ok(inbox);
        }
        let inbox = Box::pin(client.inbox(id)).await?;
        self.learn(std::slice::from_ref(&inbox));
        if self.serves(&inbox.id) {
            self.list.send_if_modified(|list| {
                let is_new = list.iter().all(|known| known.id != inbox.id);
                if is_new {
                    list.push(inbox.clone());
                }
                is_new
            });
        }
        Ok(Arc::new(inbox))
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn add(&mut self, inbox: &Inbox) {
        self.addresses.extend(inbox.address.clone());
        self.inboxes.insert(inbox.id.clone(), Arc::new(inbox.clone()));
    }
}

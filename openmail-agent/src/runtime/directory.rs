use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::api::{self, Client};
use crate::model::{Address, Inbox, InboxId};

/// The inboxes the key sees, as far as they are known.
pub(super) struct Directory {
    known: RwLock<Known>,
    list: watch::Sender<Vec<Inbox>>,
}

#[derive(Default)]
struct Known {
    inboxes: HashMap<InboxId, Arc<Inbox>>,
    addresses: HashSet<Address>,
}

impl Directory {
    pub(super) fn new(inboxes: Vec<Inbox>) -> Self {
        let directory = Self { known: RwLock::default(), list: watch::Sender::new(Vec::new()) };
        directory.add_all(inboxes);
        directory
    }

    pub(super) fn get(&self, id: &InboxId) -> Option<Arc<Inbox>> {
        self.read(|known| known.inboxes.get(id).cloned())
    }

    /// Whether this is the address of an inbox of the account.
    pub(super) fn is_own(&self, address: &Address) -> bool {
        self.read(|known| known.addresses.contains(address))
    }

    /// The inboxes, now and as they become more.
    pub(super) fn list(&self) -> watch::Receiver<Vec<Inbox>> {
        self.list.subscribe()
    }

    /// Adds those that are not known yet, and tells how many that were.
    pub(super) fn add_all(&self, inboxes: Vec<Inbox>) -> usize {
        let new: Vec<Inbox> = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            inboxes.into_iter().filter(|inbox| known.add(inbox)).collect()
        };
        let count = new.len();
        if count > 0 {
            self.list.send_modify(|list| list.extend(new));
        }
        count
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
        let inbox = client.inbox(id).await?;
        self.add_all(vec![inbox.clone()]);
        Ok(Arc::new(inbox))
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn add(&mut self, inbox: &Inbox) -> bool {
        self.addresses.extend(inbox.address.clone());
        self.inboxes.insert(inbox.id.clone(), Arc::new(inbox.clone())).is_none()
    }
}

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, ExternalId, InboxId, PodId, Secret};

/// An inbox of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inbox {
    /// The service's name for it.
    pub id: InboxId,
    /// Its mail address.
    pub address: Option<Address>,
    /// The name that recipients see.
    pub display_name: Option<String>,
    /// The pod it belongs to.
    pub pod_id: Option<PodId>,
    /// Your own name for it.
    pub external_id: Option<ExternalId>,
    /// The webhook of this inbox alone, where it has one.
    pub webhook_url: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Inbox {
    /// An inbox of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<InboxId>) -> Self {
        Self {
            id: id.into(),
            address: None,
            display_name: None,
            pod_id: None,
            external_id: None,
            webhook_url: None,
            created_at: None,
        }
    }
}

/// An inbox as it was just made or changed, with the secret that is told only once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxWithSecret {
    /// The inbox.
    pub inbox: Inbox,
    /// The signing secret of its webhook, where the call made one. Keep it: it is never told again.
    pub webhook_secret: Option<Secret>,
}

impl InboxWithSecret {
    /// An inbox and the secret that came with it.
    #[must_use]
    pub fn new(inbox: Inbox, webhook_secret: Option<Secret>) -> Self {
        Self { inbox, webhook_secret }
    }
}

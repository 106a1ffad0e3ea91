use serde::{Deserialize, Serialize};

use super::{Address, ExternalId, InboxId, PodId};

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
}

impl Inbox {
    /// An inbox of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<InboxId>) -> Self {
        Self { id: id.into(), address: None, display_name: None, pod_id: None, external_id: None }
    }
}

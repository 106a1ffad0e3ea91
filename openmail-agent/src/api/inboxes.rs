use std::collections::HashSet;

use serde::Serialize;

use super::{Client, Result};
use crate::model::{ExternalId, Inbox, InboxId, InboxWithSecret, Page, Secret};
use crate::wire::row;

/// The most rows the service gives at once.
const PAGE: u32 = 100;

/// Which inboxes to list.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InboxFilter {
    /// Only those of this pod, by its id or your own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_id: Option<String>,
    /// How many at most, and never more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl InboxFilter {
    /// Every inbox, from the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those of this pod, by its id or your own name for it.
    #[must_use]
    pub fn pod(mut self, pod: impl Into<String>) -> Self {
        self.pod_id = Some(pod.into());
        self
    }

    /// A stretch of `limit` rows behind the first `offset`.
    #[must_use]
    pub fn page(mut self, limit: u32, offset: u64) -> Self {
        (self.limit, self.offset) = (Some(limit.clamp(1, PAGE)), Some(offset));
        self
    }
}

/// An inbox to make. What is left out, the service chooses.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewInbox {
    /// The part before the `@`: 3 to 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_name: Option<String>,
    /// The name that recipients see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A verified domain of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The pod to make it in, by its id or your own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_id: Option<String>,
    /// A webhook for this inbox alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Your own name for the inbox. A deployment that does not keep one refuses it with
    /// [`InvalidRequest`](super::ErrorKind::InvalidRequest), as the sandbox does unless it plays an older one: name the inbox by a pod of your
    /// own then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
}

impl NewInbox {
    /// An inbox of the service's choosing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What to change of an inbox: `None` leaves it, `Some(None)` clears it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InboxChanges {
    /// The name that recipients see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Option<String>>,
    /// The webhook of this inbox alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Option<String>>,
}

impl InboxChanges {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Client {
    /// The inboxes the key sees.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn inboxes(&self, filter: &InboxFilter) -> Result<Page<Inbox>> {
        self.get(&["inboxes"])?.query(filter).answer(row::inboxes).await
    }

    /// Every inbox the key sees, page by page.
    ///
    /// # Errors
    ///
    /// As every call: the first page that fails ends it.
    pub async fn all_inboxes(&self) -> Result<Vec<Inbox>> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut offset = 0;
        loop {
            let page = self.inboxes(&InboxFilter::new().page(PAGE, offset)).await?;
            offset += page.rows() as u64;
            let complete = page.rows() < PAGE as usize || page.total.is_some_and(|total| offset >= total);
            // A list that shifts while it is read repeats rows; one that ignores the offset repeats them all.
            let fresh: Vec<_> =
                page.items.into_iter().filter(|inbox| seen.insert(inbox.id.clone())).collect();
            let stuck = fresh.is_empty();
            all.extend(fresh);
            if complete || stuck {
                return Ok(all);
            }
        }
    }

    /// Makes an inbox.
    ///
    /// # Errors
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the address is taken,
    /// [`InvalidRequest`](super::ErrorKind::InvalidRequest) for a bad name, domain, pod or webhook address or at the
    /// plan's limit; else as every call.
    pub async fn create_inbox(&self, inbox: &NewInbox) -> Result<InboxWithSecret> {
        self.post(&["inboxes"])?.json(inbox).answer(row::inbox_with_secret).await
    }

    /// One inbox.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none; else as every call.
    pub async fn inbox(&self, inbox: &InboxId) -> Result<Inbox> {
        self.get(&["inboxes", inbox.as_str()])?.answer(row::inbox).await
    }

    /// Changes an inbox. A first webhook brings its secret with it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none,
    /// [`Forbidden`](super::ErrorKind::Forbidden) for a key of narrower reach; else as every call.
    pub async fn update_inbox(&self, inbox: &InboxId, changes: &InboxChanges) -> Result<InboxWithSecret> {
        self.patch(&["inboxes", inbox.as_str()])?.json(changes).answer(row::inbox_with_secret).await
    }

    /// Deletes an inbox for good.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none,
    /// [`Forbidden`](super::ErrorKind::Forbidden) for a key of narrower reach; else as every call.
    pub async fn delete_inbox(&self, inbox: &InboxId) -> Result<()> {
        self.delete(&["inboxes", inbox.as_str()])?.done().await
    }

    /// Makes the service send a signed test event to the inbox's webhook.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](super::ErrorKind::InvalidRequest) when the inbox has no webhook,
    /// [`Server`](super::ErrorKind::Server) with code `webhook_failed` when the webhook did not answer; else as every
    /// call.
    pub async fn test_webhook(&self, inbox: &InboxId) -> Result<()> {
        self.post(&["inboxes", inbox.as_str(), "webhook", "test"])?.done().await
    }

    /// Replaces the secret of the inbox's webhook; the old one dies at once.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](super::ErrorKind::InvalidRequest) when the inbox has no webhook; else as every call.
    pub async fn rotate_webhook_secret(&self, inbox: &InboxId) -> Result<Secret> {
        let call = self.post(&["inboxes", inbox.as_str(), "webhook", "rotate-secret"])?;
        call.answer(row::webhook_secret).await
    }
}

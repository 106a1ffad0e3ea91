use serde::Serialize;

use super::{Client, Result};
use crate::model::{ApiKey, ApiKeyId, InboxId, NewApiKey, Page};
use crate::wire::row;

#[derive(Serialize)]
struct NewKey<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl Client {
    /// Makes a key that reads and sends from one inbox and does nothing else.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](super::ErrorKind::Forbidden) unless this client's key reaches the whole account; else as every
    /// call.
    pub async fn create_inbox_key(&self, inbox: &InboxId, name: Option<&str>) -> Result<NewApiKey> {
        let call = self.post(&["inboxes", inbox.as_str(), "api-keys"])?;
        call.json(&NewKey { name }).answer(row::new_api_key).await
    }

    /// The keys of an inbox, without the keys themselves.
    ///
    /// # Errors
    ///
    /// As [`create_inbox_key`](Client::create_inbox_key).
    pub async fn inbox_keys(&self, inbox: &InboxId) -> Result<Page<ApiKey>> {
        self.get(&["inboxes", inbox.as_str(), "api-keys"])?.answer(row::api_keys).await
    }

    /// Revokes a key of an inbox, at once.
    ///
    /// # Errors
    ///
    /// As [`create_inbox_key`](Client::create_inbox_key).
    pub async fn delete_inbox_key(&self, inbox: &InboxId, key_id: &ApiKeyId) -> Result<()> {
        self.delete(&["inboxes", inbox.as_str(), "api-keys", key_id.as_str()])?.done().await
    }

    /// Makes a key that reaches the inboxes of one pod, by the pod's id or your own name for it.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](super::ErrorKind::Forbidden) unless this client's key reaches the whole account; else as every
    /// call.
    pub async fn create_pod_key(&self, pod: &str, name: Option<&str>) -> Result<NewApiKey> {
        self.post(&["pods", pod, "api-keys"])?.json(&NewKey { name }).answer(row::new_api_key).await
    }

    /// The keys of a pod, without the keys themselves.
    ///
    /// # Errors
    ///
    /// As [`create_pod_key`](Client::create_pod_key).
    pub async fn pod_keys(&self, pod: &str) -> Result<Page<ApiKey>> {
        self.get(&["pods", pod, "api-keys"])?.answer(row::api_keys).await
    }

    /// Revokes a key of a pod, at once.
    ///
    /// # Errors
    ///
    /// As [`create_pod_key`](Client::create_pod_key).
    pub async fn delete_pod_key(&self, pod: &str, key_id: &ApiKeyId) -> Result<()> {
        self.delete(&["pods", pod, "api-keys", key_id.as_str()])?.done().await
    }
}

use serde::Serialize;

use super::{Client, Result};
use crate::model::{Page, Pod};
use crate::wire::row;

/// A pod to make.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewPod {
    /// Your own name for it, unique within the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// A label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl NewPod {
    /// A pod without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What to change of a pod: `None` leaves it, `Some(None)` clears it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PodChanges {
    /// Your own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Option<String>>,
    /// The label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
}

impl PodChanges {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// Which pods to list.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct PodFilter {
    /// How many at most, and never more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl PodFilter {
    /// Every pod, from the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stretch of `limit` rows behind the first `offset`.
    #[must_use]
    pub fn page(mut self, limit: u32, offset: u64) -> Self {
        (self.limit, self.offset) = (Some(limit.clamp(1, 100)), Some(offset));
        self
    }
}

/// Pods are addressed by their id or by your own name for them.
impl Client {
    /// Makes a pod.
    ///
    /// # Errors
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the name is taken; else as every call.
    pub async fn create_pod(&self, pod: &NewPod) -> Result<Pod> {
        self.post(&["pods"])?.json(pod).answer(row::pod).await
    }

    /// The account's pods, the default one first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn pods(&self, filter: &PodFilter) -> Result<Page<Pod>> {
        self.get(&["pods"])?.query(filter).answer(row::pods).await
    }

    /// One pod.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none; else as every call.
    pub async fn pod(&self, pod: &str) -> Result<Pod> {
        self.get(&["pods", pod])?.answer(row::pod).await
    }

    /// Changes a pod.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none,
    /// [`Conflict`](super::ErrorKind::Conflict) when the name is taken; else as every call.
    pub async fn update_pod(&self, pod: &str, changes: &PodChanges) -> Result<Pod> {
        self.patch(&["pods", pod])?.json(changes).answer(row::pod).await
    }

    /// Deletes a pod that is empty and not the default one.
    ///
    /// # Errors
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) with code `pod_not_empty`, `pod_has_domains` or `default_pod`; else as
    /// every call.
    pub async fn delete_pod(&self, pod: &str) -> Result<()> {
        self.delete(&["pods", pod])?.done().await
    }
}

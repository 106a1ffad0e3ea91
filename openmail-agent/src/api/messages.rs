use serde::Serialize;

use super::{Client, Result};
use crate::model::{Direction, InboxId, Message, Page};
use crate::wire::row;

/// Which mails to list.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct MessageFilter {
    /// Only mail that went this way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// How many at most; the service gives 50 unless told, and never more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl MessageFilter {
    /// Everything, from the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only mail that came in.
    #[must_use]
    pub fn inbound() -> Self {
        Self { direction: Some(Direction::Inbound), ..Self::default() }
    }

    /// A stretch of `limit` rows behind the first `offset`.
    #[must_use]
    pub fn page(mut self, limit: u32, offset: u64) -> Self {
        self.limit = Some(limit.clamp(1, 100));
        self.offset = Some(offset);
        self
    }
}

impl Client {
    /// The mails of an inbox, across its threads.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such inbox; else as every call.
    pub async fn messages(&self, inbox: &InboxId, filter: &MessageFilter) -> Result<Page<Message>> {
        self.get(&["inboxes", inbox.as_str(), "messages"])?.query(filter).answer(row::messages).await
    }
}

use serde::Serialize;

use super::room::Room;
use super::{Client, Result};
use crate::model::{InboxId, Message, Page, ThreadId, ThreadMessages, ThreadSummary};
use crate::wire::row;

/// Which conversations to list.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct ThreadFilter {
    /// Only those marked read, or only those not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_read: Option<bool>,
    /// How many at most; the service gives 50 unless told, and never more than 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl ThreadFilter {
    /// Everything, from the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what is not marked read.
    #[must_use]
    pub fn unread() -> Self {
        Self { is_read: Some(false), ..Self::default() }
    }

    /// A stretch of `limit` rows behind the first `offset`.
    #[must_use]
    pub fn page(mut self, limit: u32, offset: u64) -> Self {
        self.limit = Some(limit.clamp(1, 100));
        self.offset = Some(offset);
        self
    }
}

/// A conversation that was read, and what it takes of the room in memory.
pub(crate) struct Conversation {
    /// Its mails, oldest first.
    pub(crate) messages: Vec<Message>,
    pub(crate) room: Room,
}

impl Client {
    /// The conversations of an inbox.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such inbox; else as every call.
    pub async fn threads(&self, inbox: &InboxId, filter: &ThreadFilter) -> Result<Page<ThreadSummary>> {
        self.get(&["inboxes", inbox.as_str(), "threads"])?.query(filter).answer(row::threads).await
    }

    /// A conversation with all its mails, oldest first.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such thread; else as every call.
    pub async fn thread_messages(&self, thread: &ThreadId) -> Result<ThreadMessages> {
        let call = self.get(&["threads", thread.as_str(), "messages"])?;
        call.answer(|body| row::thread_messages(body, thread)).await
    }

    /// The same for a reader of many: there is no more of large conversations in memory at once than there is room for, and small ones
    /// wait for none. Where there is no room, whoever asks waits for it without having any, and without keeping the service waiting:
    /// it is asked again.
    ///
    /// # Errors
    ///
    /// [`NoRoom`](super::ErrorKind::NoRoom) too, where it is waited for in vain.
    pub(crate) async fn conversation(&self, thread: &ThreadId) -> Result<Conversation> {
        let mut room = Room::default();
        loop {
            match self.conversation_in(thread, room).await? {
                Ok(read) => return Ok(read),
                Err(needed) => room = self.inner().space.wait(needed).await?,
            }
        }
    }

    /// The same for who may have some room already, and must not wait for more.
    ///
    /// # Errors
    ///
    /// [`NoRoom`](super::ErrorKind::NoRoom) where there is none.
    pub(crate) async fn conversation_at_once(&self, thread: &ThreadId) -> Result<Conversation> {
        self.conversation_in(thread, Room::default()).await?.map_err(|_| super::room::none())
    }

    async fn conversation_in(&self, thread: &ThreadId, room: Room) -> Result<Result<Conversation, usize>> {
        let call = self.get(&["threads", thread.as_str(), "messages"])?;
        let read = call.answer_in(room, |body| row::thread_messages(body, thread)).await?;
        Ok(read.map(|(read, room)| Conversation { messages: read.messages, room }))
    }

    /// Room for a mail that was read by itself, and is kept.
    ///
    /// # Errors
    ///
    /// [`NoRoom`](super::ErrorKind::NoRoom) where it is waited for in vain.
    pub(crate) async fn room_for(&self, mail: &Message) -> Result<Room> {
        self.inner().space.wait(mail.weight()).await
    }

    /// Marks a conversation read, or unread.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such thread; else as every call.
    pub async fn mark_thread(&self, thread: &ThreadId, read: bool) -> Result<()> {
        #[derive(Serialize)]
        struct Changes {
            is_read: bool,
        }
        self.patch(&["threads", thread.as_str()])?.json(&Changes { is_read: read }).done().await
    }
}

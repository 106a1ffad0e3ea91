use jiff::Timestamp;

use super::{Message, ThreadId};

/// A conversation, as a list shows it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadSummary {
    /// The service's name for it.
    pub id: ThreadId,
    /// The subject.
    pub subject: Option<String>,
    /// Whether it is marked read.
    pub is_read: Option<bool>,
    /// When its last mail came or went.
    pub last_message_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// How many mails it has.
    pub message_count: Option<u64>,
}

impl ThreadSummary {
    /// A conversation of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<ThreadId>) -> Self {
        Self {
            id: id.into(),
            subject: None,
            is_read: None,
            last_message_at: None,
            created_at: None,
            message_count: None,
        }
    }
}

/// Subjects stay out of `Debug`.
impl std::fmt::Debug for ThreadSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadSummary")
            .field("id", &self.id)
            .field("is_read", &self.is_read)
            .field("last_message_at", &self.last_message_at)
            .finish_non_exhaustive()
    }
}

/// A conversation with its mails.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ThreadMessages {
    /// The service's name for it.
    pub id: ThreadId,
    /// The subject.
    pub subject: Option<String>,
    /// Whether it is marked read.
    pub is_read: Option<bool>,
    /// Its mails, oldest first.
    pub messages: Vec<Message>,
    /// How many rows could not be read, for want of an id.
    pub unreadable: usize,
}

impl ThreadMessages {
    /// A conversation of these mails.
    #[must_use]
    pub fn new(id: impl Into<ThreadId>, messages: Vec<Message>) -> Self {
        Self { id: id.into(), subject: None, is_read: None, messages, unreadable: 0 }
    }
}

/// Subjects stay out of `Debug`.
impl std::fmt::Debug for ThreadMessages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadMessages")
            .field("id", &self.id)
            .field("is_read", &self.is_read)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Address, OutgoingAttachment, ThreadId};

/// Names one send for ever: the service answers the same key with the first answer and sends nothing again.
///
/// Made of the mail, the handler and the send's number within the handler, so that a handler run again after a crash
/// arrives at the same key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A key as it was made or stored.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as the header carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for IdempotencyKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for IdempotencyKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail ready to be sent: whom to, what, in which thread.
///
/// Committed once and frozen: every attempt sends these very words under the same key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Draft {
    /// Who receives it.
    pub recipients: Recipients,
    /// The subject. `None` in a thread: the service uses the thread's.
    pub subject: Option<String>,
    /// The words.
    pub body: Body,
    /// The conversation it continues; `None` starts a new one.
    pub thread_id: Option<ThreadId>,
    /// Where answers to it should go.
    pub reply_to: Option<Address>,
    /// Whether the service appends a quoted copy of the previous message.
    pub include_quote: bool,
    /// Files, 25 MB in all.
    pub attachments: Vec<OutgoingAttachment>,
}

impl Draft {
    /// A mail of this text, outside of any thread.
    #[must_use]
    pub fn new(recipients: Recipients, body: Body) -> Self {
        Self {
            recipients,
            subject: None,
            body,
            thread_id: None,
            reply_to: None,
            include_quote: true,
            attachments: Vec::new(),
        }
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("thread_id", &self.thread_id)
            .field("cc", &self.recipients.cc.len())
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

/// Who receives a mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recipients {
    /// The one it is addressed to: the service takes exactly one.
    pub to: Address,
    /// Who is copied.
    pub cc: Vec<Address>,
}

impl Recipients {
    /// One recipient, nobody copied.
    #[must_use]
    pub fn one(to: Address) -> Self {
        Self { to, cc: Vec::new() }
    }
}

/// The words of a mail, in a form chosen on purpose.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Body {
    /// Plain text, which stays text whatever angle brackets are in it.
    Text(String),
    /// HTML; the service makes the text version.
    Html(String),
    /// Both, where they must differ.
    Both {
        /// The text version.
        text: String,
        /// The HTML version.
        html: String,
    },
}

/// Bodies stay out of `Debug`.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Html(_) => "Html(..)",
            Self::Both { .. } => "Both { .. }",
        })
    }
}

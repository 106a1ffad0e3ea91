use jiff::Timestamp;

use super::{Attachment, RelayAttempt};
use crate::mime;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the inbox.
    Inbound,
    /// From the inbox.
    Outbound,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// How an inbox came to receive a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryRole {
    /// It was written to.
    To,
    /// It was copied.
    Cc,
}

impl DeliveryRole {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::Cc => "cc",
        }
    }
}

/// What the service's classifier said of an inbound mail.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Classification {
    pub(crate) category: Option<String>,
    pub(crate) auto_replyable: Option<bool>,
    pub(crate) verdict: Option<String>,
    pub(crate) spam_score: Option<f64>,
}

/// A message of a thread, in either direction.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// The message's id, opaque.
    pub id: String,
    /// The inbox it came to or left from.
    pub inbox_id: String,
    /// The thread it belongs to.
    pub thread_id: String,
    /// The `Message-ID` header, angle brackets included.
    pub rfc_message_id: String,
    /// Which way it went.
    pub direction: Direction,
    /// The sender as written, with or without a name.
    pub from: String,
    /// The inbox's address for inbound mail, the primary recipient for outbound.
    pub to: String,
    /// Inbound only: the `To` header as the sender wrote it.
    pub header_to: Option<String>,
    /// Inbound only: whether the inbox was written to or copied.
    pub delivery_role: Option<DeliveryRole>,
    /// The addresses copied.
    pub cc: Vec<String>,
    /// The subject, where there is one.
    pub subject: Option<String>,
    /// The text part; empty for mail that has only HTML.
    pub text: String,
    /// The HTML part.
    pub html: Option<String>,
    /// The files.
    pub attachments: Vec<Attachment>,
    /// The `In-Reply-To` header.
    pub in_reply_to: Option<String>,
    /// The `References` header, oldest first.
    pub references: Vec<String>,
    /// When it was received or sent, in sandbox time.
    pub created_at: Timestamp,
    pub(crate) class: Classification,
    pub(crate) lag: Option<RowLag>,
}

/// How long a row stays behind its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLag {
    UntilReleased,
    Reads(u32),
}

/// A conversation as an inbox sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Thread {
    /// The thread's id, opaque.
    pub id: String,
    /// The inbox it belongs to.
    pub inbox_id: String,
    /// The subject of its first message.
    pub subject: String,
    /// Whether it has been marked as read.
    pub is_read: bool,
    /// When it began, in sandbox time.
    pub created_at: Timestamp,
    /// When its last message came or went, in sandbox time.
    pub last_message_at: Timestamp,
    /// Its messages, oldest first.
    pub messages: Vec<Message>,
}

/// A mail that an agent sent, as it was asked for and as it left.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// The message's id.
    pub message_id: String,
    /// The provider's id for it.
    pub provider_message_id: String,
    /// The `Message-ID` header, angle brackets included.
    pub rfc_message_id: String,
    /// The thread it landed in.
    pub thread_id: String,
    /// The inbox it left from.
    pub inbox_id: String,
    /// The idempotency key it was sent under.
    pub idempotency_key: String,
    /// The `From` header.
    pub from: String,
    /// The primary recipient.
    pub to: String,
    /// The addresses copied, those included that the service adds by itself.
    pub cc: Vec<String>,
    /// The `Reply-To` header.
    pub reply_to: Option<String>,
    /// The subject as it left, with `Re:` where the service put it.
    pub subject: String,
    /// `body` as the request had it.
    pub body: String,
    /// The text part as it left, quote included.
    pub text: String,
    /// The HTML part as it left: from `bodyHtml`, or because `body` looked like HTML.
    pub html: Option<String>,
    /// The files.
    pub attachments: Vec<Attachment>,
    /// The `In-Reply-To` header.
    pub in_reply_to: Option<String>,
    /// The `References` header, oldest first.
    pub references: Vec<String>,
    /// When it was accepted, in sandbox time.
    pub sent_at: Timestamp,
    /// Whether the [relay](crate::Builder::relay) took it for everybody it is for. None while it waits, or if it is not relayed.
    pub relayed: Option<bool>,
    /// The attempts to hand it to the relay, in the order they ended.
    pub relay_attempts: Vec<RelayAttempt>,
}

impl Sent {
    /// The mail as RFC 5322 text, as it would travel: the content of an `.eml` file. None if one of its
    /// addresses is none, which those of a mail that was accepted are not.
    #[must_use]
    pub fn to_rfc5322(&self) -> Option<Vec<u8>> {
        mime::compose(self)
    }
}

/// What became of a mail at one of the inboxes it was for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The message it became.
    pub message_id: String,
    /// The thread it landed in.
    pub thread_id: String,
    /// The event that announces it.
    pub event_id: String,
    /// The inbox that received it.
    pub inbox_id: String,
    /// Its `Message-ID` header, angle brackets included.
    pub rfc_message_id: String,
}

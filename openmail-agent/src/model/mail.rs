use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, Attachment, MessageId, ThreadId};

/// One mail, as an event or a REST row shows it.
///
/// A REST row knows more than an event: HTML, delivery role and classification. What is not known is `None`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The mail itself, whatever event brought it.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub thread_id: Option<ThreadId>,
    /// Whether it came in or went out.
    pub direction: Direction,
    /// The `Message-ID` header.
    pub rfc_message_id: Option<String>,
    /// Who sent it. `None` where the service's text was not an address.
    pub from: Option<Address>,
    /// The inbox it reached, for inbound mail; the first recipient, for outbound mail.
    pub to: Option<Address>,
    /// Whom the sender wrote to. Where the inbox was only copied, the answer goes here.
    pub header_to: Vec<Address>,
    /// Who was copied.
    pub cc: Vec<Address>,
    /// Whether the inbox was addressed or copied.
    pub delivery_role: Option<DeliveryRole>,
    /// The subject line.
    pub subject: Option<String>,
    /// The text body. Empty for mail that has only HTML, until the REST row is read.
    pub text: Option<String>,
    /// The HTML body, known to the REST row only.
    pub html: Option<String>,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// What kind of mail the service takes it for.
    pub category: Option<Category>,
    /// Whether the service considers an automatic answer proper. `None` = it does not say; see [`may_be_answered`](Self::may_be_answered).
    pub auto_replyable: Option<bool>,
    /// Whether the service takes it for spam or malware.
    pub verdict: Option<Verdict>,
    /// When it was received, or sent.
    pub at: Option<Timestamp>,
}

impl Message {
    /// An inbound message of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<MessageId>) -> Self {
        Self {
            id: id.into(),
            thread_id: None,
            direction: Direction::Inbound,
            rfc_message_id: None,
            from: None,
            to: None,
            header_to: Vec::new(),
            cc: Vec::new(),
            delivery_role: None,
            subject: None,
            text: None,
            html: None,
            attachments: Vec::new(),
            category: None,
            auto_replyable: None,
            verdict: None,
            at: None,
        }
    }

    /// Whether a machine may answer it: where the service says so, or does not say and puts it into no category of mail that a machine
    /// wrote. A machine that answers another's report or newsletter may never hear the end of it.
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        let by_machine = matches!(
            self.category,
            Some(
                Category::Automated
                    | Category::Marketing
                    | Category::Bounce
                    | Category::Spam
                    | Category::Malicious
            )
        );
        self.auto_replyable.unwrap_or(!by_machine)
    }

    /// About how many bytes of memory it takes: what strangers can make much of.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.subject, &self.text, &self.html].into_iter().flatten().map(String::len);
        let addresses = size_of::<Address>() * (self.header_to.len() + self.cc.len());
        let files = self.attachments.iter().map(Attachment::weight);
        size_of::<Self>() + texts.chain(files).sum::<usize>() + addresses
    }
}

/// Subjects, bodies and addresses stay out of `Debug`.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("thread_id", &self.thread_id)
            .field("direction", &self.direction)
            .field("delivery_role", &self.delivery_role)
            .field("category", &self.category)
            .field("verdict", &self.verdict)
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// Which way a mail went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the inbox.
    Inbound,
    /// From the inbox.
    Outbound,
}

/// How an inbox came to receive a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryRole {
    /// It was addressed.
    To,
    /// It was only copied: the answer goes to [`Message::header_to`].
    Cc,
}

/// What kind of mail the service takes a message for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Category {
    /// A person wrote it.
    Personal,
    /// A machine wrote it.
    Automated,
    /// Marketing.
    Marketing,
    /// A delivery report.
    Bounce,
    /// Spam.
    Spam,
    /// Phishing or malware.
    Malicious,
    /// A category this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Whether the service takes a mail for harmful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing against it.
    Clean,
    /// Spam: never shown to an agent.
    Spam,
    /// Phishing or malware: never shown to an agent.
    Malicious,
    /// A verdict this version does not know.
    #[serde(untagged)]
    Other(String),
}

use bytes::Bytes;

use super::{Attachment, Classification};
use crate::mime;

/// A mail on its way to the sandbox, as a correspondent writes it.
///
/// It reaches every inbox named in `to` and `cc`. Addresses may be bare or `Name <address>`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) thread_id: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Vec<String>,
    pub(crate) class: Classification,
    /// Who gets it, whatever the headers say; none = those in the headers.
    pub(crate) envelope: Option<Vec<String>>,
}

impl Mail {
    /// A mail from `sender`, to nobody yet.
    pub fn from(sender: impl Into<String>) -> Self {
        Self {
            from: sender.into(),
            to: Vec::new(),
            cc: Vec::new(),
            subject: None,
            text: None,
            html: None,
            attachments: Vec::new(),
            thread_id: None,
            message_id: None,
            in_reply_to: None,
            references: Vec::new(),
            class: Classification::default(),
            envelope: None,
        }
    }

    /// Reads a mail from its RFC 5322 text, and classifies it by its headers; as spam by the GTUBE text, as malicious by an EICAR file.
    /// None if there are no headers.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        mime::read(text, None)
    }

    /// Adds an address to the `To` header.
    pub fn to(mut self, address: impl Into<String>) -> Self {
        self.to.push(address.into());
        self
    }

    /// Adds addresses to the `Cc` header.
    pub fn cc(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.cc.extend(addresses.into_iter().map(Into::into));
        self
    }

    /// Turns it into a mail that was written to `header_to` and only copied to those named so far.
    pub fn cc_only(mut self, header_to: impl Into<String>) -> Self {
        self.cc.append(&mut self.to);
        self.to.push(header_to.into());
        self
    }

    /// Delivers it to these addresses whatever its headers say, as an SMTP envelope does: blind copies, lists.
    pub fn deliver_to(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.envelope = Some(addresses.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the subject. Without one, a mail in a thread takes the thread's.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the text part.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets the HTML part. Events do not carry it.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Attaches a file.
    pub fn attachment(
        mut self,
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        self.attachments.push(Attachment::new(filename, content_type, bytes));
        self
    }

    /// Puts it into a thread by the thread's id, as an answer to the last message there.
    pub fn in_thread(mut self, thread_id: impl Into<String>) -> Self {
        self.thread_id = Some(thread_id.into());
        self
    }

    /// Sets its own `Message-ID` header, angle brackets included. Random without.
    pub fn message_id(mut self, rfc_message_id: impl Into<String>) -> Self {
        self.message_id = Some(rfc_message_id.into());
        self
    }

    /// Answers the message with this `Message-ID` header.
    pub fn in_reply_to(mut self, rfc_message_id: impl Into<String>) -> Self {
        self.in_reply_to = Some(rfc_message_id.into());
        self
    }

    /// Sets the `References` header, oldest first.
    pub fn references(mut self, rfc_message_ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.references = rfc_message_ids.into_iter().map(Into::into).collect();
        self
    }

    /// Classifies it: `personal`, `automated`, `marketing`, `bounce`, `spam` or `malicious`.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.class.category = Some(category.into());
        self
    }

    /// Says whether an agent may answer it by itself. Unclassified without.
    pub fn auto_replyable(mut self, yes: bool) -> Self {
        self.class.auto_replyable = Some(yes);
        self
    }

    /// Judges it: `clean`, `spam` or `malicious`.
    pub fn verdict(mut self, verdict: impl Into<String>) -> Self {
        self.class.verdict = Some(verdict.into());
        self
    }

    /// Scores it, the higher the likelier spam.
    pub fn spam_score(mut self, score: f64) -> Self {
        self.class.spam_score = Some(score);
        self
    }
}

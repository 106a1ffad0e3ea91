use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::model::{Address, Attachment, Message, MessageId, ThreadId};
use crate::wire::text;

use super::subject::prefixed;
use super::{Context, FromContext, Needs, PayloadKind, Rejection};

/// What of a mail fits into a prompt unless told otherwise.
pub(super) const PROMPT_CHARACTERS: usize = 20_000;

/// The mail that came in.
///
/// Cheap to clone. Its text is a stranger's: [`new_text`](Mail::new_text) is what the sender wrote now, and
/// [`for_model`](Mail::for_model) gives it in a form made for a prompt.
///
/// ```
/// # use openmail_agent::{handler::Mail, model::Message};
/// let mut message = Message::new("msg_1");
/// message.subject = Some("Help".into());
/// message.text = Some("Where is my order?\n\nOn 24 Feb 2026, Bob wrote:\n> Hello".into());
/// let mail = Mail::new(message);
/// assert_eq!(mail.new_text(), "Where is my order?");
/// ```
#[derive(Clone)]
pub struct Mail(Arc<Message>);

impl Mail {
    /// A mail from its parts, as a test of a handler needs it, or from what is shared already.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use openmail_agent::{handler::Mail, model::Message};
    /// let message = Arc::new(Message::new("msg_1"));
    /// assert_eq!(*Mail::new(Arc::clone(&message)).id(), message.id);
    /// ```
    #[must_use]
    pub fn new(message: impl Into<Arc<Message>>) -> Self {
        Self(message.into())
    }

    /// Everything that is known of it.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }

    /// Its id: the same under whichever event it came.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        &self.0.id
    }

    /// The conversation it belongs to.
    #[must_use]
    pub fn thread_id(&self) -> Option<&ThreadId> {
        self.0.thread_id.as_ref()
    }

    /// Who sent it; `None` where the header was not an address.
    #[must_use]
    pub fn from(&self) -> Option<&Address> {
        self.0.from.as_ref()
    }

    /// The subject line, empty where there is none.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.subject.as_deref().unwrap_or_default()
    }

    /// The whole text body, quoted history and signature with it. Empty for mail that has only HTML.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text.as_deref().unwrap_or_default()
    }

    /// The HTML body.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.0.html.as_deref()
    }

    /// All of its text, out of the HTML where it has no other.
    pub(super) fn readable(&self) -> Cow<'_, str> {
        text::readable(&self.0)
    }

    /// The part that the sender wrote now: without quoted history and signature, out of the HTML where there is no text.
    #[must_use]
    pub fn new_text(&self) -> Cow<'_, str> {
        text::written_now(&self.0)
    }

    /// The mail as data for a prompt: fenced so that it cannot pass for instructions, without invisible characters, and
    /// with at most 20,000 characters of its text.
    #[must_use]
    pub fn for_model(&self) -> String {
        self.for_model_within(PROMPT_CHARACTERS)
    }

    /// As [`for_model`](Mail::for_model), with another cap, in characters of the mail's text.
    #[must_use]
    pub fn for_model_within(&self, most: usize) -> String {
        text::for_model(&self.0, most)
    }

    /// What came with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.0.attachments
    }

    /// The subject of an answer to it.
    pub(super) fn reply_subject(&self) -> String {
        let subject = self.subject().trim();
        match subject.get(..3) {
            Some(prefix) if prefix.eq_ignore_ascii_case("re:") => prefixed("", subject),
            _ if subject.chars().all(char::is_control) => "Re: your message".to_owned(),
            _ => prefixed("Re: ", subject),
        }
    }
}

/// By `into()`: `Mail::from` is who sent it.
impl From<Arc<Message>> for Mail {
    fn from(message: Arc<Message>) -> Self {
        Self::new(message)
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({})", self.id())
    }
}

impl FromContext for Mail {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        context.mail().cloned().ok_or_else(|| Rejection::absent("the event is not a mail"))
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Mail);
    }
}

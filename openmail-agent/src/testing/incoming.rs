use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::model::{
    Address, Attachment, DeliveryRole, Direction, Event, EventKind, Inbox, Lifecycle, Message, Payload,
    SendFailure,
};

/// A mail as somebody outside writes it: `mail("Ada <ada@example.com>", "Where is my order?")`.
///
/// # Panics
///
/// When the sender is no address; a mail without one is made by [`IncomingMail::with`].
#[track_caller]
pub fn mail(from: &str, text: impl Into<String>) -> IncomingMail {
    let mut message = Message::new("");
    message.from = Some(address(from));
    message.text = Some(text.into());
    message.subject = Some("A question".to_owned());
    message.delivery_role = Some(DeliveryRole::To);
    IncomingMail { message, inbox: None, files: Vec::new(), earlier: Vec::new() }
}

/// A mail that a handler is to be given, with everything a real one may have.
#[derive(Debug, Clone)]
#[must_use = "a mail does nothing until it is given to `run_one`"]
pub struct IncomingMail {
    pub(super) message: Message,
    pub(super) inbox: Option<String>,
    pub(super) files: Vec<(String, Bytes)>,
    pub(super) earlier: Vec<Message>,
}

impl IncomingMail {
    /// The subject; "A question" unless told.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.message.subject = Some(subject.into());
        self
    }

    /// The HTML body.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.message.html = Some(html.into());
        self
    }

    /// The inbox it reaches, by address or id; the first that the handlers name unless told.
    pub fn to(mut self, inbox: impl Into<String>) -> Self {
        self.inbox = Some(inbox.into());
        self
    }

    /// Copies somebody.
    ///
    /// # Panics
    ///
    /// When it is no address.
    #[track_caller]
    pub fn cc(mut self, other: &str) -> Self {
        self.message.cc.push(address(other));
        self
    }

    /// The inbox was only copied; the mail was written to this one, who is then the one to answer.
    ///
    /// # Panics
    ///
    /// When it is no address.
    #[track_caller]
    pub fn written_to(mut self, other: &str) -> Self {
        self.message.delivery_role = Some(DeliveryRole::Cc);
        self.message.header_to.push(address(other));
        self
    }

    /// Adds a file, which the handler can download.
    pub fn attachment(
        mut self,
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let (filename, bytes) = (filename.into(), bytes.into());
        let mut file = Attachment::named(&filename);
        file.content_type = Some(content_type.into());
        file.size = Some(bytes.len() as u64);
        file.parsed_text = std::str::from_utf8(&bytes).ok().map(str::to_owned);
        self.message.attachments.push(file);
        self.files.push((filename, bytes));
        self
    }

    /// Says what the same sender has written in the conversation before.
    pub fn after(self, text: impl Into<String>) -> Self {
        let from = self.message.from.clone();
        self.earlier(Direction::Inbound, from, text.into())
    }

    /// Says what the inbox has answered in the conversation before.
    pub fn answered(self, text: impl Into<String>) -> Self {
        self.earlier(Direction::Outbound, None, text.into())
    }

    /// Changes anything else about it: category, `auto_replyable`, verdict, ids.
    ///
    /// ```
    /// # use openmail_agent::testing::mail;
    /// mail("noreply@example.com", "Your build is green.").with(|message| message.auto_replyable = Some(false));
    /// ```
    pub fn with(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(&mut self.message);
        self
    }

    fn earlier(mut self, direction: Direction, from: Option<Address>, text: String) -> Self {
        let mut message = Message::new(format!("msg_earlier_{}", self.earlier.len() + 1));
        message.direction = direction;
        message.from = from;
        message.text = Some(text);
        self.earlier.push(message);
        self
    }

    /// Fills in what the service would have: ids, the inbox, the times.
    pub(super) fn arrive(&mut self, inbox: &Inbox, number: usize, now: Timestamp) {
        let message = &mut self.message;
        if message.id.as_str().is_empty() {
            message.id = format!("msg_{number}").into();
        }
        message.thread_id.get_or_insert_with(|| "thr_1".into());
        message.at.get_or_insert(now);
        message.to = message.to.take().or_else(|| inbox.address.clone());
        if message.header_to.is_empty() {
            message.header_to.extend(inbox.address.clone());
        }
        let mut at = message.at;
        for earlier in self.earlier.iter_mut().rev() {
            at = at.and_then(|at| at.checked_sub(MINUTE).ok());
            earlier.at = at;
            earlier.thread_id.clone_from(&message.thread_id);
            if earlier.direction == Direction::Outbound {
                earlier.from.clone_from(&inbox.address);
            }
        }
    }

    pub(super) fn event(&self, inbox: &Inbox, number: usize) -> Event {
        Event {
            id: format!("evt_{number}").into(),
            kind: EventKind::MESSAGE_RECEIVED,
            occurred_at: self.message.at,
            inbox_id: Some(inbox.id.clone()),
            external_id: inbox.external_id.clone(),
            thread_id: self.message.thread_id.clone(),
            payload: Payload::Message(Arc::new(self.message.clone())),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[track_caller]
fn address(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(_) => panic!("{text:?} is not a mail address, such as `Ada <ada@example.com>`"),
    }
}

/// What a handler is to be given: a mail, news of an inbox or a pod, or a reply that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Incoming {
    /// A mail.
    Mail(Box<IncomingMail>),
    /// News of an inbox or pod; of the first inbox unless it names one.
    Lifecycle(Lifecycle),
    /// A reply that failed for good.
    SendFailure(SendFailure),
    /// Any event, as it is.
    Event(Box<Event>),
}

impl From<IncomingMail> for Incoming {
    fn from(mail: IncomingMail) -> Self {
        Self::Mail(Box::new(mail))
    }
}

impl From<Lifecycle> for Incoming {
    fn from(news: Lifecycle) -> Self {
        Self::Lifecycle(news)
    }
}

impl From<SendFailure> for Incoming {
    fn from(failure: SendFailure) -> Self {
        Self::SendFailure(failure)
    }
}

impl From<Event> for Incoming {
    fn from(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

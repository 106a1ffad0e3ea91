use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{Conversation, ErrorKind, Room};
use crate::model::{Direction, Message, ThreadId};
use crate::wire::text;

use super::mail::PROMPT_CHARACTERS;
use super::{Context, FromContext, Mail, Needs, PayloadKind, Rejection};

/// The conversation so far, the mail at hand included, oldest first.
///
/// Mail that would not reach a handler by itself is not in it either: what the service takes for spam or malware, and what comes
/// from somebody who is not among the allowed senders.
///
/// Cheap to clone. A large one takes part of the room in memory that all have together, until its last clone is gone: keep what you need
/// of it rather than a clone.
///
/// ```
/// use openmail_agent::prelude::*;
/// # async fn ask_model(_: &str, _: String) -> std::io::Result<String> { Ok(String::new()) }
///
/// /// Goes on with the conversation.
/// #[mail_handler]
/// async fn chat(thread: Thread) -> Result<Reply> {
///     let answer = ask_model("Answer the last mail of this conversation.", thread.for_model()).await?;
///     Ok(Reply::text(answer))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Thread(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: ThreadId,
    messages: Vec<Message>,
    /// What it has of the room in memory for conversations.
    _room: Room,
}

impl Thread {
    /// A conversation from its messages, oldest first, as a test of a handler needs it.
    #[must_use]
    pub fn new(id: impl Into<ThreadId>, messages: Vec<Message>) -> Self {
        Self::read(id.into(), Conversation { messages, room: Room::default() })
    }

    pub(super) fn read(id: ThreadId, Conversation { messages, room }: Conversation) -> Self {
        Self(Arc::new(Inner { id, messages, _room: room }))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ThreadId {
        &self.0.id
    }

    /// Its messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.0.messages
    }

    /// The conversation as data for a prompt, each mail marked as [from you, or from outside](text::conversation_for_model):
    /// fenced so that nothing in it can pass for instructions, or for a mail of the other side, without quoted history and invisible
    /// characters, with about 20,000 characters in all. Where that is too little, the oldest mails are left out.
    ///
    /// The mail at hand is the last in it, as a rule: a later one may have arrived already.
    #[must_use]
    pub fn for_model(&self) -> String {
        self.for_model_within(PROMPT_CHARACTERS)
    }

    /// As [`for_model`](Thread::for_model), with another cap, in characters of the mails with their headers and marks.
    #[must_use]
    pub fn for_model_within(&self, most: usize) -> String {
        text::conversation_for_model(self.id(), self.messages(), most)
    }

    /// When the inbox wrote in it.
    pub(crate) fn replies(&self) -> impl Iterator<Item = Timestamp> {
        let ours = self.messages().iter().filter(|message| message.direction == Direction::Outbound);
        ours.filter_map(|message| message.at)
    }

    /// Whether the inbox has written in it before.
    #[must_use]
    pub fn has_our_reply(&self) -> bool {
        self.messages().iter().any(|message| message.direction == Direction::Outbound)
    }
}

impl FromContext for Thread {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        if let Some(thread) = context.thread() {
            return Ok(thread.clone());
        }
        let Some(id) = context.event().thread_id.clone() else {
            return Err(Rejection::absent("the event belongs to no thread"));
        };
        let read = context.services().client.conversation_at_once(&id).await.map_err(|error| {
            match error.kind() {
                // It will be no smaller with the next try.
                ErrorKind::TooLarge => Rejection::absent("the conversation is too large to be read"),
                _ => Rejection::failed(error),
            }
        })?;
        Ok(context.services().thread(id, read, context.mail().map(Mail::id)))
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Mail);
        needs.thread();
    }
}

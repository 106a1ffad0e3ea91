use std::sync::Arc;

use crate::model::{Direction, Message, ThreadId};

use super::{Context, FromContext, Mail, Needs, PayloadKind, Rejection};

/// The conversation so far, the mail at hand included, oldest first.
///
/// Mail that would not reach a handler by itself is not in it either: what the service takes for spam or malware, and what comes
/// from somebody who is not among the allowed senders.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Thread(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: ThreadId,
    messages: Vec<Message>,
}

impl Thread {
    /// A conversation from its messages, oldest first, as a test of a handler needs it.
    #[must_use]
    pub fn new(id: ThreadId, messages: Vec<Message>) -> Self {
        Self(Arc::new(Inner { id, messages }))
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
        let read = context.services().client.thread_messages(&id).await.map_err(Rejection::failed)?;
        Ok(context.services().thread(id, read.messages, context.mail().map(Mail::id)))
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Mail);
    }
}

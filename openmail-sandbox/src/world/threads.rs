use jiff::Timestamp;

use super::{Refusal, World, ids, keys::Caller};
use crate::model::{Message, Thread};

impl World {
    pub(crate) fn thread(&self, id: &str) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.id == id)
    }

    pub(crate) fn thread_mut(&mut self, id: &str) -> Option<&mut Thread> {
        self.threads.iter_mut().find(|thread| thread.id == id)
    }

    /// The thread, if it exists and the caller's key reaches its inbox.
    pub(crate) fn thread_for(&self, caller: &Caller, id: &str) -> Result<&Thread, Refusal> {
        let reachable = |thread: &&Thread| self.inbox_for(caller, &thread.inbox_id).is_ok();
        self.thread(id).filter(reachable).ok_or_else(|| Refusal::not_found("Thread"))
    }

    /// The thread with its messages, lagging rows included.
    pub(crate) fn thread_with_messages(&self, id: &str) -> Option<Thread> {
        let mut thread = self.thread(id)?.clone();
        thread.messages = self.thread_messages(id).cloned().collect();
        Some(thread)
    }

    pub(crate) fn thread_messages<'a>(&'a self, id: &'a str) -> impl DoubleEndedIterator<Item = &'a Message> {
        self.messages.iter().filter(move |message| message.thread_id == id)
    }

    pub(crate) fn message(&self, id: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    pub(crate) fn open_thread(&mut self, inbox_id: &str, subject: &str, now: Timestamp) -> String {
        let id = ids::id("thr");
        self.threads.push(Thread {
            id: id.clone(),
            inbox_id: inbox_id.to_owned(),
            subject: subject.to_owned(),
            is_read: false,
            created_at: now,
            last_message_at: now,
            messages: Vec::new(),
        });
        id
    }

    /// The inbox's thread that holds one of these messages, the latest named first.
    pub(crate) fn thread_of(&self, inbox_id: &str, rfc_message_ids: &[String]) -> Option<String> {
        rfc_message_ids.iter().rev().find_map(|wanted| {
            let known =
                |message: &&Message| message.inbox_id == inbox_id && message.rfc_message_id == *wanted;
            self.messages.iter().find(known).map(|message| message.thread_id.clone())
        })
    }

    /// Adds a message to its thread. Inbound mail makes the thread unread, a reply makes it read.
    pub(crate) fn append(&mut self, message: Message, is_read: bool) {
        if let Some(thread) = self.thread_mut(&message.thread_id) {
            thread.is_read = is_read;
            thread.last_message_at = message.created_at;
        }
        self.messages.push(message);
    }
}

/// The `References` of an answer: those of what it answers, and that itself.
pub(crate) fn references_of_answer(answered: &Message) -> Vec<String> {
    let mut references = answered.references.clone();
    references.push(answered.rfc_message_id.clone());
    references
}

/// The subject of an answer: `Re:` once.
pub(crate) fn subject_of_answer(subject: &str) -> String {
    match subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:")) {
        true => subject.to_owned(),
        false => format!("Re: {subject}"),
    }
}

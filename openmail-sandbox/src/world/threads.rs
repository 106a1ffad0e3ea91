use jiff::Timestamp;

use super::{Refusal, World, ids, keys::Caller};
use crate::model::{Message, Thread};

impl World {
    pub(crate) fn thread(&self, id: &str) -> Option<&Thread> {
        self.threads.get(self.index.thread(id)?)
    }

    pub(crate) fn set_read(&mut self, thread_id: &str, is_read: bool) {
        let Some(at) = self.index.thread(thread_id) else { return };
        let Some(thread) = self.threads.get_mut(at) else { return };
        thread.is_read = is_read;
        self.index.set_read(&thread.inbox_id, at, is_read);
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

    pub(crate) fn thread_messages<'a>(
        &'a self,
        id: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Message> + use<'a> {
        let places: &'a [usize] = self.index.messages_of(id);
        places.iter().filter_map(|at| self.messages.get(*at))
    }

    pub(crate) fn message(&self, id: &str) -> Option<&Message> {
        self.messages.get(self.index.message(id)?)
    }

    /// The messages of an inbox, oldest first.
    pub(crate) fn messages_in<'a>(
        &'a self,
        inbox_id: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Message> + ExactSizeIterator + use<'a> {
        let places: &'a [usize] = self.index.messages_in(inbox_id);
        // The index is made anew whenever messages go.
        places.iter().map(|at| &self.messages[*at])
    }

    /// The threads of an inbox, that with the newest message first.
    pub(crate) fn threads_in(&self, inbox_id: &str) -> impl Iterator<Item = &Thread> {
        self.index.threads_in(inbox_id).filter_map(|at| self.threads.get(at))
    }

    /// All threads, that with the newest message first.
    pub(crate) fn recent_threads(&self) -> impl Iterator<Item = &Thread> {
        self.index.recent_threads().filter_map(|at| self.threads.get(at))
    }

    pub(crate) fn open_thread(&mut self, inbox_id: &str, subject: &str, now: Timestamp) -> String {
        let id = ids::id("thr");
        self.index.add_thread(&id, self.threads.len());
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
            let named = self.index.with_rfc_id(wanted).iter().filter_map(|at| self.messages.get(*at));
            let mut here = named.filter(|message| message.inbox_id == inbox_id);
            here.next().map(|message| message.thread_id.clone())
        })
    }

    /// Adds a message to its thread. Inbound mail makes the thread unread, a reply makes it read.
    pub(crate) fn append(&mut self, message: Message, is_read: bool) {
        self.set_read(&message.thread_id, is_read);
        let thread = self.index.thread(&message.thread_id).and_then(|at| self.threads.get_mut(at));
        if let Some(thread) = thread {
            thread.last_message_at = message.created_at;
        }
        self.index.add_message(&message, self.messages.len());
        self.messages.push(message);
    }
}

/// Beyond this many, those after the first are dropped, as mail programs do.
const REFERENCES_AT_MOST: usize = 20;

/// The `References` of an answer: those of what it answers, and that itself.
pub(crate) fn references_of_answer(answered: &Message) -> Vec<String> {
    let mut references = answered.references.clone();
    references.push(answered.rfc_message_id.clone());
    let surplus = references.len().saturating_sub(REFERENCES_AT_MOST);
    references.drain(1..1 + surplus);
    references
}

/// The subject of an answer: `Re:` once.
pub(crate) fn subject_of_answer(subject: &str) -> String {
    if subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:")) {
        subject.to_owned()
    } else {
        format!("Re: {subject}")
    }
}

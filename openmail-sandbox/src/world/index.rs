use std::collections::HashMap;

use crate::model::{Message, Sent, Thread};

/// Where threads and messages are in the world's lists, so that long runs stay quick.
#[derive(Debug, Default)]
pub(crate) struct Index {
    threads: HashMap<String, Place>,
    by_rfc_id: HashMap<String, Vec<usize>>,
    sent: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct Place {
    thread: usize,
    messages: Vec<usize>,
}

impl Index {
    pub(crate) fn of(threads: &[Thread], messages: &[Message], sent: &[Sent]) -> Self {
        let mut index = Self::default();
        threads.iter().enumerate().for_each(|(at, thread)| index.add_thread(&thread.id, at));
        messages.iter().enumerate().for_each(|(at, message)| index.add_message(message, at));
        sent.iter().enumerate().for_each(|(at, sent)| index.add_sent(&sent.message_id, at));
        index
    }

    pub(crate) fn add_thread(&mut self, id: &str, at: usize) {
        self.threads.insert(id.to_owned(), Place { thread: at, messages: Vec::new() });
    }

    pub(crate) fn add_message(&mut self, message: &Message, at: usize) {
        if let Some(place) = self.threads.get_mut(&message.thread_id) {
            place.messages.push(at);
        }
        self.by_rfc_id.entry(message.rfc_message_id.clone()).or_default().push(at);
    }

    pub(crate) fn add_sent(&mut self, message_id: &str, at: usize) {
        self.sent.insert(message_id.to_owned(), at);
    }

    /// The place of what was sent as this message.
    pub(crate) fn sent(&self, message_id: &str) -> Option<usize> {
        self.sent.get(message_id).copied()
    }

    pub(crate) fn thread(&self, id: &str) -> Option<usize> {
        self.threads.get(id).map(|place| place.thread)
    }

    /// The places of a thread's messages, oldest first.
    pub(crate) fn messages_of(&self, thread_id: &str) -> &[usize] {
        self.threads.get(thread_id).map_or(&[], |place| &place.messages)
    }

    /// The places of the messages with this `Message-ID`, at whichever inbox.
    pub(crate) fn with_rfc_id(&self, rfc_message_id: &str) -> &[usize] {
        self.by_rfc_id.get(rfc_message_id).map_or(&[], Vec::as_slice)
    }
}

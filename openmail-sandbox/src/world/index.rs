use std::collections::{BTreeSet, HashMap, HashSet};

use super::World;
use crate::model::Message;

/// Where everything is in the world's lists, so that nobody has to look through a hundred thousand messages.
#[derive(Debug, Default)]
pub(crate) struct Index {
    threads: HashMap<String, ThreadPlaces>,
    inboxes: HashMap<String, InboxPlaces>,
    /// All threads, by the place of their last message.
    recent: BTreeSet<(usize, usize)>,
    messages: HashMap<String, usize>,
    by_rfc_id: HashMap<String, Vec<usize>>,
    /// Messages whose rows lag.
    lagging: BTreeSet<usize>,
    sent: HashMap<String, usize>,
    events: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct ThreadPlaces {
    thread: usize,
    messages: Vec<usize>,
}

#[derive(Debug, Default)]
struct InboxPlaces {
    messages: Vec<usize>,
    recent: BTreeSet<(usize, usize)>,
    unread: HashSet<usize>,
}

impl Index {
    pub(crate) fn add_thread(&mut self, id: &str, at: usize) {
        self.threads.insert(id.to_owned(), ThreadPlaces { thread: at, messages: Vec::new() });
    }

    /// Adds a message to its thread, which has to be there.
    pub(crate) fn add_message(&mut self, message: &Message, at: usize) {
        let inbox = self.inboxes.entry(message.inbox_id.clone()).or_default();
        inbox.messages.push(at);
        if let Some(places) = self.threads.get_mut(&message.thread_id) {
            if let Some(last) = places.messages.last() {
                self.recent.remove(&(*last, places.thread));
                inbox.recent.remove(&(*last, places.thread));
            }
            self.recent.insert((at, places.thread));
            inbox.recent.insert((at, places.thread));
            places.messages.push(at);
        }
        self.messages.insert(message.id.clone(), at);
        self.by_rfc_id.entry(message.rfc_message_id.clone()).or_default().push(at);
        if message.lag.is_some() {
            self.lagging.insert(at);
        }
    }

    pub(crate) fn add_sent(&mut self, message_id: &str, at: usize) {
        self.sent.insert(message_id.to_owned(), at);
    }

    pub(crate) fn add_event(&mut self, id: &str, at: usize) {
        self.events.insert(id.to_owned(), at);
    }

    pub(crate) fn set_read(&mut self, inbox_id: &str, thread: usize, is_read: bool) {
        let unread = &mut self.inboxes.entry(inbox_id.to_owned()).or_default().unread;
        if is_read {
            unread.remove(&thread)
        } else {
            unread.insert(thread)
        };
    }

    pub(crate) fn set_visible(&mut self, message: usize) {
        self.lagging.remove(&message);
    }

    pub(crate) fn thread(&self, id: &str) -> Option<usize> {
        self.threads.get(id).map(|places| places.thread)
    }

    pub(crate) fn message(&self, id: &str) -> Option<usize> {
        self.messages.get(id).copied()
    }

    pub(crate) fn sent(&self, message_id: &str) -> Option<usize> {
        self.sent.get(message_id).copied()
    }

    pub(crate) fn event(&self, id: &str) -> Option<usize> {
        self.events.get(id).copied()
    }

    /// The places of a thread's messages, oldest first.
    pub(crate) fn messages_of(&self, thread_id: &str) -> &[usize] {
        self.threads.get(thread_id).map_or(&[], |places| &places.messages)
    }

    /// The places of an inbox's messages, oldest first.
    pub(crate) fn messages_in(&self, inbox_id: &str) -> &[usize] {
        self.inboxes.get(inbox_id).map_or(&[], |places| &places.messages)
    }

    /// The places of an inbox's threads, that with the newest message first.
    pub(crate) fn threads_in(&self, inbox_id: &str) -> impl Iterator<Item = usize> {
        let recent = self.inboxes.get(inbox_id).map(|places| places.recent.iter().rev());
        recent.into_iter().flatten().map(|(_, thread)| *thread)
    }

    /// The places of all threads, that with the newest message first.
    pub(crate) fn recent_threads(&self) -> impl Iterator<Item = usize> {
        self.recent.iter().rev().map(|(_, thread)| *thread)
    }

    pub(crate) fn unread_in(&self, inbox_id: &str) -> usize {
        self.inboxes.get(inbox_id).map_or(0, |places| places.unread.len())
    }

    /// The places of the messages whose rows lag, oldest first.
    pub(crate) fn lagging(&self) -> impl Iterator<Item = usize> {
        self.lagging.iter().copied()
    }

    /// The places of the messages with this `Message-ID`, at whichever inbox.
    pub(crate) fn with_rfc_id(&self, rfc_message_id: &str) -> &[usize] {
        self.by_rfc_id.get(rfc_message_id).map_or(&[], Vec::as_slice)
    }
}

impl World {
    /// Makes the index anew, after something has been deleted.
    pub(crate) fn reindex(&mut self) {
        let mut index = Index::default();
        self.threads.iter().enumerate().for_each(|(at, thread)| index.add_thread(&thread.id, at));
        self.messages.iter().enumerate().for_each(|(at, message)| index.add_message(message, at));
        self.sent.iter().enumerate().for_each(|(at, sent)| index.add_sent(&sent.message_id, at));
        self.events.iter().enumerate().for_each(|(at, event)| index.add_event(&event.id, at));
        for (at, thread) in self.threads.iter().enumerate() {
            index.set_read(&thread.inbox_id, at, thread.is_read);
        }
        self.index = index;
    }
}

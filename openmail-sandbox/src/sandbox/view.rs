use jiff::Timestamp;

use crate::{
    model::{
        ClientMessage, Counts, EventRecord, Inbox, Message, RequestRecord, Sent, Thread, WebhookAttempt,
    },
    world::World,
};

/// The sandbox at one moment, as [`Sandbox::wait_for`](crate::Sandbox::wait_for) shows it.
#[derive(Debug)]
pub struct View<'a>(pub(super) &'a World);

impl<'a> View<'a> {
    /// The sandbox's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> &'a Counts {
        &self.0.counts
    }

    /// What one inbox has sent, oldest first.
    #[must_use]
    pub fn sent(&self, inbox_id: &str) -> Vec<&'a Sent> {
        self.0.sent.iter().filter(|sent| sent.inbox_id == inbox_id).collect()
    }

    /// What every inbox has sent, oldest first.
    #[must_use]
    pub fn all_sent(&self) -> &'a [Sent] {
        &self.0.sent
    }

    /// The messages of one inbox in both directions, oldest first.
    #[must_use]
    pub fn messages(&self, inbox_id: &str) -> Vec<&'a Message> {
        self.0.messages_in(inbox_id).collect()
    }

    /// A thread with its messages, lagging rows included.
    #[must_use]
    pub fn thread(&self, id: &str) -> Option<Thread> {
        self.0.thread_with_messages(id)
    }

    /// The threads of one inbox with their messages, in the order they began.
    #[must_use]
    pub fn threads(&self, inbox_id: &str) -> Vec<Thread> {
        let threads = self.0.threads.iter().filter(|thread| thread.inbox_id == inbox_id);
        threads.filter_map(|thread| self.thread(&thread.id)).collect()
    }

    /// An inbox.
    #[must_use]
    pub fn inbox(&self, id: &str) -> Option<&'a Inbox> {
        self.0.inbox(id)
    }

    /// An event of the log.
    #[must_use]
    pub fn event(&self, id: &str) -> Option<&'a EventRecord> {
        self.0.event(id)
    }

    /// The event log, oldest first.
    #[must_use]
    pub fn events(&self) -> &'a [EventRecord] {
        &self.0.events
    }

    /// Every attempt to reach a webhook, in the order they ended.
    #[must_use]
    pub fn webhook_attempts(&self) -> &'a [WebhookAttempt] {
        &self.0.attempts
    }

    /// The requests that have been answered, oldest first; the latest 100,000.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &'a RequestRecord> {
        self.0.journal.requests.iter()
    }

    /// What clients have said over sockets, oldest first; the latest 100,000 messages.
    pub fn client_messages(&self) -> impl DoubleEndedIterator<Item = &'a ClientMessage> {
        self.0.journal.messages.iter()
    }

    /// When the next attempt to reach a webhook is due; none if nothing waits.
    #[must_use]
    pub fn next_webhook_attempt(&self) -> Option<Timestamp> {
        self.0.next_attempt()
    }

    /// Sockets that are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.0.connections.len()
    }

    /// Sockets that are open and have a confirmed subscription.
    #[must_use]
    pub fn subscribed_sockets(&self) -> usize {
        self.0.subscribed_sockets()
    }

    /// Faults ordered for a number of occurrences that have not all come about.
    #[must_use]
    pub fn outstanding_faults(&self) -> usize {
        self.0.faults.outstanding()
    }
}

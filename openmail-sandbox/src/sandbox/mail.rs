use super::{Sandbox, View};
use crate::{
    model::{
        ClientMessage, Counts, Delivered, EventRecord, Mail, Message, RequestRecord, Sent, Thread,
        WebhookAttempt,
    },
    world::Verdict,
};

impl Sandbox {
    /// Delivers a mail that is for exactly one inbox.
    ///
    /// # Panics
    ///
    /// If it reaches none, or several, or a sender rule drops it: those are [`deliver_all`](Self::deliver_all)'s.
    pub fn deliver(&self, mail: Mail) -> Delivered {
        let dropped = self.shared.read(|world| world.senders.verdict(&mail.from) != Verdict::Accepted);
        assert!(!dropped, "a sender rule drops the mail: use deliver_all to see that it does");
        let mut delivered = self.deliver_all(mail);
        match (delivered.pop(), delivered.is_empty()) {
            (Some(only), true) => only,
            (None, _) => {
                panic!("the mail is for no inbox of this sandbox: use Mail::to with an inbox's address")
            }
            (Some(_), false) => panic!("the mail is for several inboxes: use deliver_all"),
        }
    }

    /// Delivers a mail to every inbox it is for, in the order of its headers. Perhaps that is none.
    pub fn deliver_all(&self, mail: Mail) -> Vec<Delivered> {
        // Before the world is locked: reading a file can take its time.
        mail.attachments.iter().for_each(|file| file.read());
        self.shared.change(|world| world.receive(&mail))
    }

    /// What one inbox has sent, oldest first.
    #[must_use]
    pub fn sent(&self, inbox_id: &str) -> Vec<Sent> {
        self.look(|view| view.sent(inbox_id).into_iter().cloned().collect())
    }

    /// What every inbox has sent, oldest first.
    #[must_use]
    pub fn all_sent(&self) -> Vec<Sent> {
        self.look(|view| view.all_sent().to_vec())
    }

    /// The messages of one inbox in both directions, oldest first.
    #[must_use]
    pub fn messages(&self, inbox_id: &str) -> Vec<Message> {
        self.look(|view| view.messages(inbox_id).into_iter().cloned().collect())
    }

    /// A thread with its messages.
    #[must_use]
    pub fn thread(&self, id: &str) -> Option<Thread> {
        self.look(|view| view.thread(id))
    }

    /// The threads of one inbox, in the order they began.
    #[must_use]
    pub fn threads(&self, inbox_id: &str) -> Vec<Thread> {
        self.look(|view| view.threads(inbox_id))
    }

    /// An event of the log.
    #[must_use]
    pub fn event(&self, id: &str) -> Option<EventRecord> {
        self.look(|view| view.event(id).cloned())
    }

    /// Every attempt to reach a webhook, in the order they ended.
    #[must_use]
    pub fn webhook_attempts(&self) -> Vec<WebhookAttempt> {
        self.look(|view| view.webhook_attempts().to_vec())
    }

    /// The requests that have been answered, oldest first; the latest 100,000.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.look(|view| view.requests().cloned().collect())
    }

    /// What clients have said over sockets, oldest first; the latest 100,000 messages.
    #[must_use]
    pub fn client_messages(&self) -> Vec<ClientMessage> {
        self.look(|view| view.client_messages().cloned().collect())
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.look(|view| view.counts().clone())
    }

    /// Looks at the sandbox as it is now. Nothing happens in it meanwhile, so `look` must not call it.
    pub fn look<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        self.shared.read(|world| look(&View(world)))
    }

    /// Waits until `look` finds something, asking again after every change. `look` must not call the sandbox
    /// itself.
    ///
    /// It waits as long as it takes: a test that wants to fail sooner puts a timeout around it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&View<'_>) -> Option<T>) -> T {
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.look(&mut look) {
                return found;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until an inbox has sent `count` mails, and returns all it has sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_for_sent(&self, inbox_id: &str, count: usize) -> Vec<Sent> {
        self.wait_for(|view| {
            let sent = view.sent(inbox_id);
            (sent.len() >= count).then(|| sent.into_iter().cloned().collect())
        })
        .await
    }

    /// Waits until this many sockets have a confirmed subscription.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_for_subscribed(&self, sockets: usize) {
        self.wait_for(|view| (view.subscribed_sockets() >= sockets).then_some(())).await;
    }
}

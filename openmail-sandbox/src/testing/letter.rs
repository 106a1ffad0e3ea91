use std::{fmt::Write, panic::Location, time::Duration};

use super::Answer;
use crate::{Delivered, EventState, Sandbox, Sent, View};

/// How long an answer is waited for, in real time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail that a [`Correspondent`](super::Correspondent) wrote.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    sandbox: &'a Sandbox,
    delivered: Delivered,
    subject: String,
    patience: Duration,
    /// How much had been sent before it.
    sent_before: usize,
}

impl<'a> Letter<'a> {
    pub(crate) fn delivered_as(sandbox: &'a Sandbox, delivered: Delivered, subject: String) -> Self {
        let sent_before = sandbox.look(|view| position(view, &delivered));
        Self { sandbox, delivered, subject, patience: PATIENCE, sent_before }
    }

    /// Waits no longer than this, in real time, for what is awaited. Default: 30 s.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What became of the mail: its ids, and those of its thread and event.
    #[must_use]
    pub fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    /// Waits for the first mail that the agent sends in this thread after the letter.
    ///
    /// # Panics
    ///
    /// If none comes in time. The message tells how far the letter got.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[track_caller]
    pub fn answer(&self) -> impl Future<Output = Answer<'a>> + use<'a> {
        let (letter, asked_at) = (self.clone(), Location::caller());
        async move {
            let found = letter.sandbox.wait_for(|view| letter.answers(view).first().cloned());
            match tokio::time::timeout(letter.patience, found).await {
                Ok(sent) => Answer::new(letter.sandbox, sent),
                Err(_) => panic!("{asked_at}: no answer {}", letter.story()),
            }
        }
    }

    /// Waits until the agent has read the letter, and makes sure that it has sent nothing in the thread.
    ///
    /// The letter counts as read when its thread does: agents mark it when they are done.
    ///
    /// # Panics
    ///
    /// If there is an answer, or the letter is not read in time.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[track_caller]
    pub fn assert_read_and_unanswered(&self) -> impl Future<Output = ()> + use<'a> {
        let (letter, asked_at) = (self.clone(), Location::caller());
        async move {
            let thread_id = &letter.delivered.thread_id;
            let is_read = |view: &View<'_>| view.thread(thread_id)?.is_read.then_some(());
            if tokio::time::timeout(letter.patience, letter.sandbox.wait_for(is_read)).await.is_err() {
                panic!("{asked_at}: not read {}", letter.story());
            }
            if let Some(sent) = letter.sandbox.look(|view| letter.answers(view).into_iter().next()) {
                panic!(
                    "{asked_at}: {:?} was not to be answered, and was with {:?}",
                    letter.subject, sent.body
                );
            }
        }
    }

    fn answers(&self, view: &View<'_>) -> Vec<Sent> {
        let later = view.all_sent().iter().skip(self.sent_before);
        later.filter(|sent| sent.thread_id == self.delivered.thread_id).cloned().collect()
    }

    /// How far the letter got, for whoever wonders why nothing came back.
    fn story(&self) -> String {
        self.sandbox.look(|view| {
            let mut story = format!("to {:?} within {:?}: ", self.subject, self.patience);
            story += match view.event(&self.delivered.event_id).map(|event| event.state) {
                Some(EventState::Socket { .. }) => "the event was handed to a socket",
                Some(EventState::WebhookDelivered) => "the webhook took the event",
                Some(EventState::WebhookPending) => "the webhook has not taken the event yet",
                Some(EventState::Held) => "a fault holds the event back",
                Some(EventState::Lost) => "a fault lost the event",
                _ => "the event reached nobody: was the agent subscribed, or a webhook set, when it was written?",
            };
            let counts = view.counts();
            write!(
                story,
                "; {} socket(s) subscribed, {} mail(s) sent, {} send(s) refused, {} fault(s) outstanding",
                view.subscribed_sockets(),
                counts.sends_accepted,
                counts.sends_refused,
                view.outstanding_faults(),
            )
            .ok();
            if let Some(last) = view.requests().next_back() {
                let status = last.status.map_or_else(|| "cut off".to_owned(), |status| status.to_string());
                write!(story, "; the last request was {} ({status})", last.operation).ok();
            }
            story
        })
    }
}

/// How much had been sent when a mail arrived: an agent can be quicker than whoever asks.
fn position(view: &View<'_>, delivered: &Delivered) -> usize {
    let thread = view.thread(&delivered.thread_id);
    let arrived = thread.as_ref().and_then(|thread| {
        let message = thread.messages.iter().position(|message| message.id == delivered.message_id)?;
        thread.messages[message + 1..].first()
    });
    match arrived {
        None => view.all_sent().len(),
        Some(next) => {
            let at = view.all_sent().iter().position(|sent| sent.message_id == next.id);
            at.unwrap_or_else(|| view.all_sent().len())
        }
    }
}

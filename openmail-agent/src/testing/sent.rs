use std::fmt;

use crate::model::{Address, Body, Draft, ThreadId};
use crate::store::NewSend;

/// A mail that a handler has committed: sent from now on, unless it was [stopped](Self::stopped).
#[derive(Clone)]
pub struct Sent {
    send: NewSend,
    at_once: bool,
}

impl Sent {
    pub(super) fn new(send: NewSend, at_once: bool) -> Self {
        Self { send, at_once }
    }

    /// The text; empty where it has HTML only.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.draft().body {
            Body::Text(text) | Body::Both { text, .. } => text,
            Body::Html(_) => "",
        }
    }

    /// The HTML, where it has some.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        match &self.draft().body {
            Body::Html(html) | Body::Both { html, .. } => Some(html),
            Body::Text(_) => None,
        }
    }

    /// Whom it goes to.
    #[must_use]
    pub fn to(&self) -> &Address {
        &self.draft().recipients.to
    }

    /// Who is copied.
    #[must_use]
    pub fn cc(&self) -> &[Address] {
        &self.draft().recipients.cc
    }

    /// The conversation it continues; `None` where it begins one, as [`Compose::new_thread`](crate::handler::Compose::new_thread) and
    /// [`forward`](crate::handler::Compose::forward) do.
    #[must_use]
    pub fn thread_id(&self) -> Option<&ThreadId> {
        self.draft().thread_id.as_ref()
    }

    /// Whether it was committed while the handler ran, by
    /// [`reply_now`](crate::handler::ReplyContext::reply_now).
    #[must_use]
    pub fn left_at_once(&self) -> bool {
        self.at_once
    }

    /// Why it is kept for the operator and never sent, where it is.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.send.stopped.as_deref()
    }

    /// All of it: subject, files, quote, `Reply-To`.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.send.draft
    }

    /// What the store was given: its key and its handler too.
    #[must_use]
    pub fn committed(&self) -> &NewSend {
        &self.send
    }
}

/// Bodies and addresses are a test's own, and are shown when it fails.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Sent");
        shown.field("to", &self.to().as_str());
        if !self.cc().is_empty() {
            shown.field("cc", &self.cc().iter().map(Address::as_str).collect::<Vec<_>>());
        }
        if let Some(subject) = &self.draft().subject {
            shown.field("subject", subject);
        }
        match self.html() {
            Some(html) => shown.field("html", &html),
            None => shown.field("text", &self.text()),
        };
        if let Some(reason) = self.stopped() {
            shown.field("stopped", &reason);
        }
        shown.finish_non_exhaustive()
    }
}

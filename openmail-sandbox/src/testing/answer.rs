use std::ops::Deref;

use crate::{Sandbox, Sent};

/// A mail that the agent sent in answer, with assertions that say what they found. It is a [`Sent`] for the rest.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    sandbox: &'a Sandbox,
    sent: Sent,
}

impl<'a> Answer<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, sent: Sent) -> Self {
        Self { sandbox, sent }
    }

    /// Makes sure that the agent wrote this, wherever in its text or HTML. What the service quoted does not count.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn assert_says(&self, text: &str) -> &Self {
        let says = self.written().iter().any(|part| part.contains(text));
        assert!(says, "the answer does not say {text:?}, but:\n{}", self.sent.body);
        self
    }

    /// Makes sure that the agent did not write this.
    ///
    /// # Panics
    ///
    /// If it did.
    #[track_caller]
    pub fn assert_does_not_say(&self, text: &str) -> &Self {
        let says = self.written().iter().any(|part| part.contains(text));
        assert!(!says, "the answer says {text:?}:\n{}", self.sent.body);
        self
    }

    /// Makes sure that these get it and nobody else, `cc` included, in whatever order.
    ///
    /// # Panics
    ///
    /// If others get it, or one of them does not.
    #[track_caller]
    pub fn assert_goes_to<'b>(&self, addresses: impl IntoIterator<Item = &'b str>) -> &Self {
        let mut wanted: Vec<_> = addresses.into_iter().map(str::to_lowercase).collect();
        let mut found: Vec<_> =
            [&self.sent.to].into_iter().chain(&self.sent.cc).map(|one| one.to_lowercase()).collect();
        wanted.sort();
        found.sort();
        assert_eq!(
            found, wanted,
            "the answer goes to the people on the left, and should to those on the right"
        );
        self
    }

    /// Makes sure that a file of this name hangs on it, and returns its content.
    ///
    /// # Panics
    ///
    /// If none does.
    #[track_caller]
    pub fn assert_attached(&self, filename: &str) -> bytes::Bytes {
        let file = self.sent.attachments.iter().find(|file| file.filename == filename);
        let names: Vec<_> = self.sent.attachments.iter().map(|file| &file.filename).collect();
        file.unwrap_or_else(|| panic!("no file {filename:?} is attached, but {names:?}")).bytes.clone()
    }

    /// Makes sure that this is the only answer in its thread so far.
    ///
    /// # Panics
    ///
    /// If there are more, as when an agent answers one mail twice.
    #[track_caller]
    pub fn assert_only_one(&self) -> &Self {
        let in_thread = |sent: &&Sent| sent.thread_id == self.sent.thread_id;
        let all: Vec<_> =
            self.sandbox.all_sent().iter().filter(in_thread).map(|sent| sent.body.clone()).collect();
        assert!(all.len() == 1, "the thread has {} answers: {all:#?}", all.len());
        self
    }

    fn written(&self) -> Vec<&str> {
        // `body` is what the request had; `bodyHtml` leaves with the quote behind it.
        let html = self.sent.html.as_deref().and_then(|html| html.split("<br><div>On ").next());
        [Some(self.sent.body.as_str()), html].into_iter().flatten().collect()
    }
}

impl Deref for Answer<'_> {
    type Target = Sent;

    fn deref(&self) -> &Sent {
        &self.sent
    }
}

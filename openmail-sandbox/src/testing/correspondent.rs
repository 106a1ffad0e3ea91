use super::Letter;
use crate::{Inbox, Mail, Sandbox};

/// Somebody outside, who writes to inboxes and waits for answers. Made by [`Sandbox::correspondent`].
#[derive(Clone, Debug)]
pub struct Correspondent<'a> {
    sandbox: &'a Sandbox,
    from: String,
}

impl<'a> Correspondent<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, from: String) -> Self {
        Self { sandbox, from }
    }

    /// Writes a plain mail to an inbox, which begins a thread.
    pub fn write(&self, inbox: &Inbox, subject: &str, text: &str) -> Letter<'a> {
        self.send(Mail::from(&self.from).to(&inbox.address).subject(subject).text(text))
    }

    /// Answers what the agent wrote, in its thread.
    ///
    /// # Panics
    ///
    /// If the inbox it came from is gone.
    #[track_caller]
    pub fn reply(&self, to: &crate::Sent, text: &str) -> Letter<'a> {
        let Some(inbox) = self.sandbox.inbox(&to.inbox_id) else {
            panic!("cannot reply: the inbox {} has been deleted", to.inbox_id);
        };
        let mail = Mail::from(&self.from).to(&inbox.address).in_reply_to(&to.rfc_message_id);
        self.send(mail.references(to.references.iter().cloned()).text(text))
    }

    /// A mail from this person, to be furnished and [sent](Self::send).
    pub fn mail(&self) -> Mail {
        Mail::from(&self.from)
    }

    /// Sends any mail that is for exactly one inbox.
    ///
    /// # Panics
    ///
    /// If it is for none, or several.
    #[track_caller]
    pub fn send(&self, mail: Mail) -> Letter<'a> {
        let subject = mail.subject.clone().unwrap_or_default();
        Letter::delivered_as(self.sandbox, self.sandbox.deliver(mail), subject)
    }
}

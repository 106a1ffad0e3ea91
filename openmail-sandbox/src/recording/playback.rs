use std::{collections::HashMap, slice};

use super::RecordedMail;
use crate::{
    Sandbox,
    model::Delivered,
    testing::Letter,
    world::{Refusal, World},
};

/// Delivers one recorded mail after the other, each when it is asked for: see [`Recording::play`](super::Recording::play).
///
/// # Panics
///
/// [`next`](Iterator::next) does, if the inbox has been deleted meanwhile and cannot be made again.
#[derive(Debug)]
pub struct Playback<'a> {
    sandbox: &'a Sandbox,
    mails: slice::Iter<'a, RecordedMail>,
    /// The sandbox's threads, by inbox and the recording's name.
    threads: HashMap<(&'a str, &'a str), String>,
}

impl<'a> Playback<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, mails: &'a [RecordedMail]) -> Self {
        Self { sandbox, mails: mails.iter(), threads: HashMap::new() }
    }

    /// The mails that are left.
    #[must_use]
    pub fn left(&self) -> &'a [RecordedMail] {
        self.mails.as_slice()
    }
}

impl<'a> Iterator for Playback<'a> {
    type Item = Letter<'a>;

    fn next(&mut self) -> Option<Letter<'a>> {
        let mail = self.mails.next()?;
        let place = (mail.inbox.as_str(), mail.thread.as_str());
        let thread_id = self.threads.get(&place).map(String::as_str);
        let delivered = self.sandbox.shared().change(|world| deliver(world, mail, thread_id));
        let delivered =
            delivered.unwrap_or_else(|refusal| panic!("the mail cannot be delivered: {}", refusal.message));
        self.threads.insert(place, delivered.thread_id.clone());
        Some(Letter::delivered_as(self.sandbox, delivered, mail.subject.clone().unwrap_or_default()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.mails.size_hint()
    }
}

/// Delivers a recorded mail at its inbox, in a thread of the sandbox where its conversation has one.
pub(crate) fn deliver(
    world: &mut World,
    mail: &RecordedMail,
    thread_id: Option<&str>,
) -> Result<Delivered, Refusal> {
    world.ensure_inbox(&mail.inbox, mail.external_id.as_deref())?;
    let delivered = world.receive(&mail.to_mail(thread_id));
    delivered.into_iter().next().ok_or_else(|| Refusal::not_found("Inbox"))
}

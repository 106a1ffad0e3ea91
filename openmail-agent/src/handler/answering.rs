//! Whom a reply goes to, and whether it may.

use crate::limit::Partner;
use crate::model::{Address, Draft, Recipients};
use crate::outbox::{self, NobodyToAnswer};

use super::collected::Drafted;
use super::{Context, GiveUp, Reply, ReplyError, ReplyErrorKind};

impl Context {
    /// The reply as a draft in the thread of the mail, to the one the mail asks to be answered.
    pub(super) fn answer(&self, reply: Reply) -> Result<Drafted, ReplyError> {
        let mail = self.mail().ok_or_else(nothing_to_answer)?;
        let (recipients, stopped) = match outbox::answer_to(mail.message(), self.is_own()) {
            Ok(recipients) => {
                let stopped = self.reply_stop().or_else(|| self.loop_stop(&recipients.to));
                (recipients, stopped)
            }
            Err(nobody) => {
                let why = nobody.to_string();
                match nobody {
                    NobodyToAnswer::Own(address) | NobodyToAnswer::TooMany(address) => {
                        (Recipients::one(address), Some(why))
                    }
                    NobodyToAnswer::Unreadable => return Err(no_recipient(GiveUp::new(why))),
                }
            }
        };
        let mut draft = reply.into_draft(recipients);
        // Who was written to has the mail, and who was not need not have a stranger's words from this inbox.
        if mail.from() != Some(&draft.recipients.to) {
            draft.include_quote = false;
        }
        draft.thread_id = mail.message().thread_id.clone();
        if draft.thread_id.is_none() {
            draft.subject = Some(mail.reply_subject());
        }
        Ok(Drafted { stopped, answers: true, ..self.drafted(draft)? })
    }

    /// Why this mail is not to be answered by a machine, where the service says so.
    fn reply_stop(&self) -> Option<String> {
        let answers = self.mail().is_none_or(|mail| mail.message().may_be_answered());
        (!answers).then(|| "the mail it answers is not to be answered automatically".to_owned())
    }

    /// Why there would be no end of answers, where there were so many already.
    fn loop_stop(&self, to: &Address) -> Option<String> {
        let services = self.services();
        let (inbox, now) = (self.event().inbox_id.as_ref()?, services.clock.now());
        let loops = services.loops();
        let is_loop = self.partners(to).any(|partner| {
            // The conversation tells of what other processes wrote, and of what this one did before it was started anew.
            let known: &[_] = match partner {
                Partner::Thread(_) => self.replies(),
                Partner::Correspondent(_) => &[],
            };
            loops.is_loop(inbox, &partner, known.iter().copied(), now)
        });
        is_loop.then(|| {
            "so many replies went to this correspondent, or into this conversation, that it is taken for a loop of two machines: \
             `Runtime::loop_limits` sets how many are too many"
                .to_owned()
        })
    }

    /// What a reply to this address goes to.
    fn partners(&self, to: &Address) -> impl Iterator<Item = Partner> {
        let thread = self.mail().and_then(|mail| mail.message().thread_id.clone()).map(Partner::Thread);
        [Some(Partner::Correspondent(to.clone())), thread].into_iter().flatten()
    }

    /// Takes note of a reply to this address, which is committed.
    pub(super) fn count(&self, to: &Address) {
        let services = self.services();
        let (Some(inbox), now) = (&self.event().inbox_id, services.clock.now()) else { return };
        for partner in self.partners(to) {
            services.loops().replied(inbox, partner, now);
        }
    }
}

fn nothing_to_answer() -> ReplyError {
    no_recipient(GiveUp::new(
        "there is no mail to reply to in this event: return `()`, or write a new mail with `Compose`",
    ))
}

pub(super) fn no_recipient(why: GiveUp) -> ReplyError {
    ReplyError::because(ReplyErrorKind::NoRecipient, why)
}

impl Reply {
    pub(super) fn into_draft(self, recipients: Recipients) -> Draft {
        let (body, include_quote, reply_to, attachments) = self.into_parts();
        let mut draft = Draft::new(recipients, body);
        draft.include_quote = include_quote;
        draft.reply_to = reply_to;
        draft.attachments = attachments;
        draft
    }
}

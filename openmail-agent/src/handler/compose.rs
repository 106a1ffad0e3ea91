use std::borrow::Cow;

use crate::model::{Address, Recipients};

use super::{Context, FromContext, Rejection, Reply};

/// The right to write to others than the one the mail asks to be answered: a new thread, or a forward.
///
/// A reply goes to its thread and nowhere else, however cleverly the mail at hand asks for something different. Whoever
/// gives a handler more shows it in the handler's signature, by this argument.
///
/// What is composed is committed with the handler's success, like a reply. What the service would not take, since it is empty
/// or too long, makes the handler fail for good.
#[derive(Debug, Clone)]
pub struct Compose(Context);

impl Compose {
    /// Starts a new conversation.
    ///
    /// A recipient who never wrote to this inbox counts against the service's cold outreach limit.
    pub fn new_thread(&self, to: Address, subject: impl Into<String>, words: impl Into<Reply>) {
        let mut draft = words.into().into_draft(Recipients::one(to));
        draft.subject = Some(subject.into());
        self.0.draft(draft);
    }

    /// Hands the mail at hand to somebody, with a word in front, as a new conversation.
    ///
    /// Who wrote it is said in the text, and not by a `Reply-To`: the service's free plan refuses one that is no inbox of the
    /// account.
    pub fn forward(&self, to: Address, word: &str) {
        let (subject, text, from) = match self.0.mail() {
            Some(mail) => (mail.subject(), mail.readable(), mail.from()),
            None => ("", Cow::Borrowed(""), None),
        };
        let sender = from.map_or("an unknown sender", Address::as_str);
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        let reply = Reply::text(format!(
            "{word}\n\n---------- Forwarded message ----------\nFrom: {sender}\nSubject: {subject}\n\n{quoted}"
        ));
        self.new_thread(to, format!("Fwd: {subject}"), reply);
    }
}

impl FromContext for Compose {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        match context.event().inbox_id {
            Some(_) => Ok(Self(context.clone())),
            None => {
                Err(Rejection::absent("the event is about no single inbox, so there is none to write from"))
            }
        }
    }
}

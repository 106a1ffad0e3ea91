use std::borrow::Cow;

use crate::api;
use crate::model::{Address, Draft, Recipients};

use super::subject::{cut, prefixed};
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
        self.0.draft(new_thread(to, subject.into(), words.into()));
    }

    /// Hands the words of the mail at hand to somebody, with a word in front, as a new conversation. Its files and its HTML do not
    /// go along.
    ///
    /// Who wrote it is said in the text, and not by a `Reply-To`: the service's free plan refuses one that is no inbox of the
    /// account. What a mail has more of than the service takes is cut off, and marked so.
    pub fn forward(&self, to: Address, word: &str) {
        let (subject, text, from) = match self.0.mail() {
            Some(mail) => (mail.subject(), mail.readable(), mail.from()),
            None => ("", Cow::Borrowed(""), None),
        };
        let sender = cut(from.map_or("an unknown sender", Address::as_str), ADDRESS_MOST);
        let head = format!(
            "{word}\n\n---------- Forwarded message ----------\nFrom: {sender}\nSubject: {}\n\n",
            prefixed("", subject)
        );
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        self.0.draft(fitting(&quoted, |quoted| {
            new_thread(to.clone(), prefixed("Fwd: ", subject), Reply::text(format!("{head}{quoted}")))
        }));
    }
}

/// No real address is longer.
const ADDRESS_MOST: usize = 320;

/// The most characters that the service takes in a body.
const BODY_MOST: usize = 100_000;

fn new_thread(to: Address, subject: String, words: Reply) -> Draft {
    let mut draft = words.into_draft(Recipients::one(to));
    draft.subject = Some(subject);
    draft
}

/// The draft with as much of a stranger's text as the service takes. How much that is depends on the text: written as HTML,
/// some characters become many.
fn fitting(text: &str, draft: impl Fn(&str) -> Draft) -> Draft {
    let mut most = text.chars().count().min(BODY_MOST);
    let mut whole = draft(text);
    while most > 0 && api::check_draft(&whole).is_err() {
        most = most / 8 * 7;
        whole = draft(&cut(text, most));
    }
    whole
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

use crate::api;
use crate::model::{Address, Attachment, Draft, Recipients, ThreadId};

use super::subject::{cut, prefixed};
use super::{Context, FromContext, GiveUp, Needs, PayloadKind, Rejection, Reply, ReplyError};

/// The right to write to others than the one the mail asks to be answered: a new thread, another one, a forward, or an answer to all.
///
/// A reply goes to its thread and nowhere else, however cleverly the mail at hand asks for something different. Whoever
/// gives a handler more shows it in the handler's signature, by this argument.
///
/// What is composed is committed with the handler's success, like a reply. What the service would not take, since it is empty
/// or too long, makes the handler fail for good. What is composed after the handler has ended is not sent, which the log says.
#[derive(Debug, Clone)]
pub struct Compose(Context);

impl Compose {
    /// Starts a new conversation.
    ///
    /// A recipient who never wrote to this inbox counts against the service's cold outreach limit.
    pub fn new_thread(&self, to: Address, subject: impl Into<String>, words: impl Into<Reply>) {
        self.0.draft(new_thread(to, subject.into(), words.into()));
    }

    /// Writes into a conversation of this inbox, to one of those who take part in it: a person's answer handed on to the customer it
    /// is for, say.
    ///
    /// The service does not look whether `to` has to do with the conversation, and whoever is new in it may come to see what was
    /// said before: take both from what the program keeps, as in a [`Memory`](super::Memory), and not from what a mail or a model says.
    /// What cannot be sent makes the handler fail.
    pub fn in_thread(&self, thread_id: ThreadId, to: Address, words: impl Into<Reply>) {
        let mut draft = words.into().into_draft(Recipients::one(to));
        draft.thread_id = Some(thread_id);
        self.0.draft(draft);
    }

    /// Answers the mail at hand to all who can be seen in it: as a reply is, and copied to whomever else it was written or copied to.
    /// Inboxes of this account are left out. Ten recipients at most, the first included; more are left out, which the log says.
    ///
    /// # Errors
    ///
    /// As [`ReplyContext::reply`](super::ReplyContext::reply) says.
    pub fn reply_all(&self, words: impl Into<Reply>) -> Result<(), ReplyError> {
        self.0.draft_reply_to_all(words.into())
    }

    /// Hands the words of the mail at hand to somebody, with a word in front, as a new conversation. Its HTML does not go along, nor
    /// do its files, which are named.
    ///
    /// Who wrote it is said in the text, and not by a `Reply-To`: the service's free plan refuses one that is no inbox of the
    /// account. An answer to the forward therefore comes to this inbox, as mail of whoever it was handed to: say so in the word in
    /// front. What a mail has more of than the service takes is cut off, and marked so.
    ///
    /// Where there is no mail at hand, as in a handler of suspensions, this makes the handler fail for good.
    pub fn forward(&self, to: Address, word: &str) {
        let Some(mail) = self.0.mail() else {
            self.0.fail(GiveUp::new("there is no mail at hand to forward: write one by `new_thread`").into());
            return;
        };
        let (subject, text) = (mail.subject(), mail.readable());
        let from = mail.from().map_or_else(|| "an unknown sender".to_owned(), named);
        let mut head =
            format!("{word}\n\n---------- Forwarded message ----------\nFrom: {}\n", one_line(&from));
        if let Some(at) = mail.message().at {
            head.push_str(&at.strftime("Date: %a, %-d %b %Y %H:%M UTC\n").to_string());
        }
        head.push_str(&format!("Subject: {}\n", prefixed("", subject)));
        let files: Vec<_> = mail.attachments().iter().map(Attachment::safe_name).collect();
        if !files.is_empty() {
            head.push_str(&format!("Files, not sent along: {}\n", one_line(&files.join(", "))));
        }
        head.push('\n');
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        self.0.draft(fitting(&quoted, |quoted| {
            new_thread(to.clone(), prefixed("Fwd: ", subject), Reply::text(format!("{head}{quoted}")))
        }));
    }
}

/// The longest line that a stranger may put in front of their mail.
const LINE_MOST: usize = 500;

fn named(address: &Address) -> String {
    match address.name() {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_string(),
    }
}

fn one_line(text: &str) -> String {
    cut(&prefixed("", text), LINE_MOST)
}

fn new_thread(to: Address, subject: String, words: Reply) -> Draft {
    let mut draft = words.into_draft(Recipients::one(to));
    draft.subject = Some(subject);
    draft
}

/// The draft with as much of a stranger's text as the service takes. How much that is depends on the text: written as HTML,
/// some characters become many.
fn fitting(text: &str, draft: impl Fn(&str) -> Draft) -> Draft {
    let mut most = text.chars().count().min(api::BODY_MOST);
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

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Inbox);
    }
}

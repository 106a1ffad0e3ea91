use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::api::{self, Client};
use crate::clock::Clock;
use crate::limit::Quotas;
use crate::model::{Address, Draft, Event, IdempotencyKey, Inbox, Message, MessageId, Recipients, ThreadId};
use crate::outbox::{self, NobodyToAnswer, Outbox, SendSpace};
use crate::store::{Lease, NewSend, Note, NoteScope, Store};

use super::numbers::{Number, Numbers};
use super::{Attempt, Error, GiveUp, Mail, Reply, ReplyError, ReplyErrorKind, States, Thread};

/// All that is known of the event at hand, from which a handler's arguments are made.
///
/// Cheap to clone; every clone collects into the same drafts.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    parts: ContextParts,
    collected: Mutex<Collected>,
    sent_now: Numbers,
    /// Made for the first who asks: few handlers do.
    cancellation: OnceLock<CancellationToken>,
}

/// What a context is made of.
pub(crate) struct ContextParts {
    pub(crate) event: Arc<Event>,
    pub(crate) mail: Option<Mail>,
    pub(crate) thread: Option<Thread>,
    pub(crate) inbox: Option<Arc<Inbox>>,
    pub(crate) handler: Arc<str>,
    pub(crate) attempt: Attempt,
    pub(crate) states: Arc<States>,
    pub(crate) lease: Lease,
    pub(crate) services: Arc<Services>,
    pub(crate) is_own: Arc<dyn Fn(&Address) -> bool + Send + Sync>,
}

/// What the handlers of a runtime share.
pub(crate) struct Services {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
    pub(crate) quotas: Quotas,
    /// Cancelled when the runtime is told to stop: handlers that listen finish early, those that wait do not start.
    pub(crate) stopping: CancellationToken,
    /// Which mail of a conversation the handler of another of its mails may see.
    pub(crate) visible: Box<dyn Fn(&Message) -> bool + Send + Sync>,
}

impl Services {
    /// A conversation as the handler of one of its mails may see it.
    pub(crate) fn thread(
        &self,
        id: ThreadId,
        mut messages: Vec<Message>,
        at_hand: Option<&MessageId>,
    ) -> Thread {
        messages.retain(|message| Some(&message.id) == at_hand || (self.visible)(message));
        Thread::new(id, messages)
    }
}

/// What a handler has given so far: committed with its success, thrown away with its failure.
#[derive(Default)]
struct Collected {
    sends: Vec<NewSend>,
    notes: Vec<Note>,
    failure: Option<Error>,
    drafted: u32,
}

impl Context {
    pub(crate) fn new(parts: ContextParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            collected: Mutex::default(),
            sent_now: Numbers::default(),
            cancellation: OnceLock::new(),
        }))
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.0.parts.event
    }

    /// The mail, where the event is one.
    #[must_use]
    pub fn mail(&self) -> Option<&Mail> {
        self.0.parts.mail.as_ref()
    }

    /// The inbox it is about.
    #[must_use]
    pub fn inbox(&self) -> Option<&Inbox> {
        self.0.parts.inbox.as_deref()
    }

    /// The handler's name.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.0.parts.handler
    }

    /// Which try this is.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.0.parts.attempt
    }

    /// The values given with `state`.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.0.parts.states
    }

    pub(crate) fn thread(&self) -> Option<&Thread> {
        self.0.parts.thread.as_ref()
    }

    /// Cancelled when the handler should come to an end.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        self.0.cancellation.get_or_init(|| self.services().stopping.child_token())
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.parts.services
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.0.parts.lease
    }

    /// Keeps a value to be committed with the handler's success, in place of an earlier one of the same scope.
    pub(crate) fn note(&self, note: Note) {
        let mut collected = self.collected();
        collected.notes.retain(|earlier| earlier.scope != note.scope);
        collected.notes.push(note);
    }

    pub(crate) fn noted(&self, scope: &NoteScope) -> Option<Note> {
        self.collected().notes.iter().find(|note| note.scope == *scope).cloned()
    }

    /// Makes the handler fail although it may return without an error.
    pub(crate) fn fail(&self, error: Error) {
        self.collected().failure.get_or_insert(error);
    }

    /// Adds a reply to what is committed with the handler's success.
    pub(crate) fn draft_reply(&self, reply: Reply) -> Result<(), ReplyError> {
        let (draft, stopped) = self.answer(reply)?;
        self.add(checked(draft)?, stopped)
    }

    /// Adds a mail to what is committed with the handler's success, or makes the handler fail where it cannot be sent.
    pub(crate) fn draft(&self, draft: Draft) {
        if let Err(error) = checked(draft).and_then(|draft| self.add(draft, None)) {
            self.fail(error.into());
        }
    }

    fn add(&self, draft: Draft, stopped: Option<String>) -> Result<(), ReplyError> {
        let mut collected = self.collected();
        let send = self.send(draft, SendSpace::Draft, collected.drafted, stopped)?;
        collected.drafted += 1;
        collected.sends.push(send);
        Ok(())
    }

    /// A reply to be committed at once, under the next key of its kind; the number is to be kept once it is committed.
    pub(crate) fn reply_now(&self, reply: Reply) -> Result<(NewSend, Number), ReplyError> {
        let (draft, stopped) = self.answer(reply)?;
        let draft = checked(draft)?;
        let number = self.0.sent_now.take();
        let send = self.send(draft, SendSpace::Now, number.value(), stopped)?;
        Ok((send, number))
    }

    /// Takes what was collected.
    ///
    /// # Errors
    ///
    /// When collecting it failed.
    pub(crate) fn collect(&self) -> Result<(Vec<NewSend>, Vec<Note>), Error> {
        let collected = std::mem::take(&mut *self.collected());
        collected.failure.map_or(Ok((collected.sends, collected.notes)), Err)
    }

    /// The reply as a draft in the thread of the mail, to the one the mail asks to be answered, and why it is stopped, where
    /// it is.
    fn answer(&self, reply: Reply) -> Result<(Draft, Option<String>), ReplyError> {
        let mail = self.mail().ok_or_else(nothing_to_answer)?;
        let (recipients, stopped) = match outbox::answer_to(mail.message(), &*self.0.parts.is_own) {
            Ok(recipients) => (recipients, self.reply_stop()),
            Err(nobody) => {
                let why = nobody.to_string();
                match nobody {
                    NobodyToAnswer::Own(address) => (Recipients::one(address), Some(why)),
                    NobodyToAnswer::Unreadable => return Err(no_recipient(GiveUp::new(why))),
                }
            }
        };
        let mut draft = reply.into_draft(recipients);
        draft.thread_id = mail.message().thread_id.clone();
        if draft.thread_id.is_none() {
            draft.subject = Some(mail.reply_subject());
        }
        Ok((draft, stopped))
    }

    /// Why the service would not have this mail answered by a machine, where it says so.
    ///
    /// `autoReplyable` false is never answered; null means not classified, and is.
    fn reply_stop(&self) -> Option<String> {
        let automated = self.mail().is_some_and(|mail| mail.message().auto_replyable == Some(false));
        automated.then(|| "the mail it answers is not to be answered automatically".to_owned())
    }

    fn send(
        &self,
        draft: Draft,
        space: SendSpace,
        number: u32,
        stopped: Option<String>,
    ) -> Result<NewSend, ReplyError> {
        let inbox_id = self.event().inbox_id.clone().ok_or_else(|| {
            no_recipient(GiveUp::new("the event names no inbox, so there is none to answer from"))
        })?;
        Ok(NewSend {
            key: self.key(space, number),
            inbox_id,
            pod_id: self.inbox().and_then(|inbox| inbox.pod_id.clone()),
            handler: self.handler().to_owned(),
            draft,
            stopped,
        })
    }

    fn key(&self, space: SendSpace, number: u32) -> IdempotencyKey {
        outbox::idempotency_key(self.event(), self.handler(), space, number)
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.0.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The draft, unless the service could only refuse it: found out while its handler can still fail of it.
fn checked(draft: Draft) -> Result<Draft, ReplyError> {
    match api::check_draft(&draft) {
        Ok(()) => Ok(draft),
        Err(error) => Err(ReplyError::because(ReplyErrorKind::Invalid, GiveUp::because(error))),
    }
}

fn nothing_to_answer() -> ReplyError {
    no_recipient(GiveUp::new(
        "there is no mail to reply to in this event: return `()`, or write a new mail with `Compose`",
    ))
}

fn no_recipient(why: GiveUp) -> ReplyError {
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

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("event", &self.event().id)
            .field("handler", &self.handler())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

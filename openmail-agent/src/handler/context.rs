use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::api;
use crate::model::{Address, Draft, Event, Inbox};
use crate::outbox::{self, SendSpace};
use crate::store::{Lease, NewSend, Note, NoteScope};

use super::answering::no_recipient;
use super::collected::{Collected, Drafted};
use super::numbers::{Number, Numbers};
use super::{
    Attempt, Error, GiveUp, Mail, Outcome, Reply, ReplyError, ReplyErrorKind, Services, States, Thread,
};

/// All that is known of the event at hand, from which a handler's arguments are made.
///
/// Cheap to clone; every clone collects into the same drafts. A handler that is called with it collects into drafts of its own,
/// which its [`Outcome`] carries.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// What the handler was called with that this is the call of.
    around: Option<Context>,
    collected: Mutex<Collected>,
    /// Whether the call has ended, and what was collected was taken.
    has_ended: AtomicBool,
    sent_now: Numbers,
    /// How often a step of each name was taken.
    steps: Mutex<HashMap<String, Numbers>>,
}

/// What does not change from one call of a handler to the next.
struct Shared {
    parts: ContextParts,
    /// Made for the first who asks: few handlers do.
    cancellation: OnceLock<CancellationToken>,
    /// Whether a reply was committed while the handler runs, stopped or not.
    answers_now: AtomicBool,
}

/// What a context is made of.
pub(crate) struct ContextParts {
    pub(crate) event: Arc<Event>,
    pub(crate) mail: Option<Mail>,
    pub(crate) thread: Option<Thread>,
    /// When the inbox wrote in the conversation, as far as that was read.
    pub(crate) replies: Vec<Timestamp>,
    pub(crate) inbox: Option<Arc<Inbox>>,
    pub(crate) handler: Arc<str>,
    pub(crate) attempt: Attempt,
    pub(crate) states: Arc<States>,
    pub(crate) lease: Lease,
    pub(crate) services: Arc<Services>,
    pub(crate) is_own: Arc<dyn Fn(&Address) -> bool + Send + Sync>,
}

impl Context {
    pub(crate) fn new(parts: ContextParts) -> Self {
        Self(Arc::new(Inner {
            shared: Arc::new(Shared {
                parts,
                cancellation: OnceLock::new(),
                answers_now: AtomicBool::new(false),
            }),
            around: None,
            collected: Mutex::default(),
            has_ended: AtomicBool::new(false),
            sent_now: Numbers::default(),
            steps: Mutex::default(),
        }))
    }

    /// The same for one call of a handler, which has given nothing yet. Its replies that leave at once are numbered as those of
    /// any other call are: they meet what an earlier one committed.
    pub(super) fn call(&self) -> Self {
        Self(Arc::new(Inner {
            shared: Arc::clone(&self.0.shared),
            around: Some(self.clone()),
            collected: Mutex::default(),
            has_ended: AtomicBool::new(false),
            sent_now: Numbers::default(),
            steps: Mutex::default(),
        }))
    }

    /// The outcome of the call, with what it has given.
    pub(super) fn finish(&self, outcome: Outcome) -> Outcome {
        let mut collected = self.collected();
        self.0.has_ended.store(true, Ordering::Relaxed);
        outcome.within(std::mem::take(&mut *collected))
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.0.shared.parts.event
    }

    /// The mail, where the event is one.
    #[must_use]
    pub fn mail(&self) -> Option<&Mail> {
        self.0.shared.parts.mail.as_ref()
    }

    /// The inbox it is about.
    #[must_use]
    pub fn inbox(&self) -> Option<&Inbox> {
        self.0.shared.parts.inbox.as_deref()
    }

    /// The handler's name.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.0.shared.parts.handler
    }

    /// Which try this is.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.0.shared.parts.attempt
    }

    /// The values given with `state`.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.0.shared.parts.states
    }

    pub(crate) fn thread(&self) -> Option<&Thread> {
        self.0.shared.parts.thread.as_ref()
    }

    /// Cancelled when the handler should come to an end.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        self.0.shared.cancellation.get_or_init(|| self.services().stopping.child_token())
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.shared.parts.services
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.0.shared.parts.lease
    }

    /// Whether an address is one of the account's own.
    pub(super) fn is_own(&self) -> &(dyn Fn(&Address) -> bool + Send + Sync) {
        &*self.0.shared.parts.is_own
    }

    /// When the inbox wrote in the conversation, as far as that was read.
    pub(super) fn replies(&self) -> &[Timestamp] {
        &self.0.shared.parts.replies
    }

    /// Keeps a value to be committed with the handler's success, in place of an earlier one of the same scope.
    pub(crate) fn note(&self, note: Note) {
        if let Some(mut collected) = self.collecting("what was remembered is forgotten") {
            collected.note(note);
        }
    }

    /// The value that is kept so far, by the handler or a layer around it.
    pub(crate) fn noted(&self, scope: &NoteScope) -> Option<Note> {
        let own = self.collected().notes().iter().find(|note| note.scope == *scope).cloned();
        own.or_else(|| self.0.around.as_ref()?.noted(scope))
    }

    /// Makes the handler fail although it may return without an error.
    pub(crate) fn fail(&self, error: Error) {
        if let Some(mut collected) = self.collecting("what failed makes nothing fail") {
            collected.fail(error);
        }
    }

    /// Adds a reply to what is committed with the handler's success.
    pub(crate) fn draft_reply(&self, reply: Reply) -> Result<(), ReplyError> {
        self.draft_answer(self.answer(reply)?)
    }

    /// The same, copied to all who can be seen in the mail.
    pub(crate) fn draft_reply_to_all(&self, reply: Reply) -> Result<(), ReplyError> {
        let mut answer = self.answer(reply)?;
        if let Some(mail) = self.mail() {
            outbox::copy_all(&mut answer.draft.recipients, mail.message(), self.is_own());
        }
        self.draft_answer(answer)
    }

    fn draft_answer(&self, answer: Drafted) -> Result<(), ReplyError> {
        let mut collected = self.collected();
        if self.0.has_ended.load(Ordering::Relaxed) {
            return Err(ReplyErrorKind::TooLate.into());
        }
        collected.draft(answer);
        Ok(())
    }

    /// Adds a mail to what is committed with the handler's success, or makes the handler fail where it cannot be sent.
    pub(crate) fn draft(&self, draft: Draft) {
        let drafted = self.drafted(draft);
        let Some(mut collected) = self.collecting("a mail that was composed is not sent") else { return };
        match drafted {
            Ok(draft) => collected.draft(draft),
            Err(error) => collected.fail(error.into()),
        }
    }

    /// The place of a step among those of its name; to be kept once its result is.
    pub(crate) fn step(&self, name: &str) -> Number {
        let mut steps = self.0.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.entry(name.to_owned()).or_default().take()
    }

    /// A reply to be committed at once, under the next key of its kind; the number is to be kept once it is committed.
    pub(crate) fn reply_now(&self, reply: Reply) -> Result<(NewSend, Number), ReplyError> {
        let answer = self.answer(reply)?;
        let number = self.0.sent_now.take();
        // What a layer says meanwhile must not be taken for what its handler says.
        let space = if self.0.around.is_some() { SendSpace::Now } else { SendSpace::Around };
        Ok((self.send(answer, space, number.value()), number))
    }

    /// A reply to this address was committed while the handler runs; it is to leave unless it is stopped.
    pub(crate) fn note_answer(&self, to: &Address, is_stopped: bool) {
        self.0.shared.answers_now.store(true, Ordering::Relaxed);
        if !is_stopped {
            self.count(to);
        }
    }

    /// Whether one was, whichever call of the handler it was that gave it.
    pub(crate) fn answers_now(&self) -> bool {
        self.0.shared.answers_now.load(Ordering::Relaxed)
    }

    /// What an outcome commits: what layers gave and what the handler gave, and then its replies.
    ///
    /// # Errors
    ///
    /// What the outcome failed with, or why it cannot be sent.
    pub(crate) fn commit(&self, outcome: Outcome) -> Result<(Vec<NewSend>, Vec<Note>), Error> {
        let (replies, mut collected) = self.finish(outcome).into_parts()?;
        for reply in replies {
            collected.draft(self.answer(reply)?);
        }
        let (drafts, notes) = collected.into_parts();
        for answer in drafts.iter().filter(|draft| draft.answers && draft.stopped.is_none()) {
            self.count(&answer.draft.recipients.to);
        }
        let sends = (0..).zip(drafts).map(|(number, draft)| self.send(draft, SendSpace::Draft, number));
        Ok((sends.collect(), notes))
    }

    pub(super) fn drafted(&self, draft: Draft) -> Result<Drafted, ReplyError> {
        let draft = checked(draft)?;
        let inbox_id = self.event().inbox_id.clone().ok_or_else(|| {
            no_recipient(GiveUp::new("the event names no inbox, so there is none to answer from"))
        })?;
        Ok(Drafted { inbox_id, draft, stopped: None, answers: false })
    }

    fn send(&self, drafted: Drafted, space: SendSpace, number: u32) -> NewSend {
        let Drafted { inbox_id, draft, stopped, .. } = drafted;
        NewSend {
            key: outbox::idempotency_key(self.event(), self.handler(), space, number),
            inbox_id,
            pod_id: self.inbox().and_then(|inbox| inbox.pod_id.clone()),
            handler: self.handler().to_owned(),
            draft,
            stopped,
        }
    }

    /// What is committed with the handler's success; none once it has ended, which is told with what becomes of what came too late.
    fn collecting(&self, too_late: &'static str) -> Option<MutexGuard<'_, Collected>> {
        let collected = self.collected();
        if self.0.has_ended.load(Ordering::Relaxed) {
            let (handler, event_id) = (self.handler(), &self.event().id);
            error!(handler, %event_id, "{too_late}, for its handler had ended: have the handler wait for the task that does so");
            return None;
        }
        Some(collected)
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

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("event", &self.event().id)
            .field("handler", &self.handler())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

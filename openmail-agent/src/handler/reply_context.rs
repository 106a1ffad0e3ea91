use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::clock;
use crate::failpoint::{Point, pass};
use crate::limit::Allowance;
use crate::model::{BoxError, Error as KindError, MessageId, ThreadId};
use crate::store::{Note, NoteScope, SendState};

use super::answering::no_recipient;
use super::{Context, FromContext, GiveUp, Rejection, Reply, RetryAfter};

/// How long [`ReplyContext::reply_now`] waits for an answer of the service before it leaves the reply to the outbox.
const SEND_PATIENCE: Duration = Duration::from_secs(30);

/// Replies to the mail at hand, and remembers what was done for it.
///
/// Cheap to clone; can be moved into a task of the handler's own, as long as the handler outlives it.
#[derive(Debug, Clone)]
pub struct ReplyContext {
    context: Context,
    when_limited: WhenLimited,
}

/// What [`ReplyContext::reply_now`] does when the inbox has no slot left.
///
/// Only the limits count here. A reply of an inbox that is suspended, or of an account that is paused, is committed and
/// [queued](Delivery::Queued) under each of these, since nobody knows when it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenLimited {
    /// Commit the reply, to leave as soon as there is a slot, and go on.
    #[default]
    Queue,
    /// Wait this long for it to leave; if there can be no slot by then, commit nothing and say so. Where there is one, the service has
    /// half a minute to answer, as it has without a limit: that is how long a shorter wait may take.
    Wait(Duration),
    /// Commit nothing and say so.
    Fail,
}

/// What became of a reply that was to leave at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The service took it.
    #[non_exhaustive]
    Sent {
        /// The service's name for it.
        message_id: Option<MessageId>,
        /// The thread it landed in.
        thread_id: Option<ThreadId>,
    },
    /// It is committed, and leaves when a slot is free, the inbox is allowed or the service answers again.
    Queued,
    /// It is kept for the operator and never sent: the mail is not to be answered by a machine, the reply would be one too many, or
    /// would go to more than ten, or only to inboxes of this account.
    #[non_exhaustive]
    Stopped {
        /// Why.
        reason: String,
    },
}

impl ReplyContext {
    /// Says what happens when there is no slot left.
    #[must_use]
    pub fn when_limited(mut self, when_limited: WhenLimited) -> Self {
        self.when_limited = when_limited;
        self
    }

    /// Adds a reply, to be sent after the handler succeeds. If it fails, nothing is sent. To a mail that must not be answered, it
    /// is kept with the reason, and never sent.
    ///
    /// # Errors
    ///
    /// [`NoRecipient`](ReplyErrorKind::NoRecipient) when the event is no mail, or there is nobody it may be answered to;
    /// [`Invalid`](ReplyErrorKind::Invalid) when it is empty or too long; [`TooLate`](ReplyErrorKind::TooLate) when the handler
    /// has ended.
    pub fn reply(&self, reply: impl Into<Reply>) -> Result<(), ReplyError> {
        self.context.draft_reply(reply.into())
    }

    /// Commits a reply and sends it at once, while the handler goes on: "I'm on it, this takes an hour".
    ///
    /// It stays committed when the handler fails later, and a handler that is run again gets the first answer back
    /// instead of sending twice, whatever words it uses the second time. Replies sent this way are told apart by their
    /// order within the handler. One that was not committed does not count: wait, and give it again.
    ///
    /// # Errors
    ///
    /// [`NoRecipient`](ReplyErrorKind::NoRecipient); [`Invalid`](ReplyErrorKind::Invalid); [`Limited`](ReplyErrorKind::Limited) under
    /// [`WhenLimited::Wait`] and [`WhenLimited::Fail`]; [`Refused`](ReplyErrorKind::Refused) when the service will never
    /// take it; [`Store`](ReplyErrorKind::Store) when it could not be committed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the reply is either committed, and then sent, or not. One that was dropped before its
    /// commit was answered does not count either: the next reply takes its place and, if it was committed after all, its
    /// answer.
    pub async fn reply_now(&self, reply: impl Into<Reply>) -> Result<Delivery, ReplyError> {
        let (send, number) = self.context.reply_now(reply.into())?;
        let services = self.context.services();
        let known = services.store.send_state(&send.key).await.map_err(unstored)?;
        let (key, stopped, to) = (send.key.clone(), send.stopped.clone(), send.draft.recipients.to.clone());
        let patience = match (&known, &stopped) {
            (None, None) => self.patience().await?,
            _ => SEND_PATIENCE,
        };
        if let (None, Some(reason)) = (&known, &stopped) {
            warn!(%key, reason, "a reply is kept, and not sent");
        }
        let told = services.outbox.wake_in_the_end();
        services.store.owe(self.context.lease(), vec![send]).await.map_err(unstored)?;
        pass(Point::Owed);
        number.keep();
        // One that was known already was counted when it was committed.
        self.context.note_answer(&to, stopped.is_some() || known.is_some());
        drop(told);
        match services.outbox.settled(&key, patience).await.map_err(unstored)? {
            SendState::Sent { message_id, thread_id } => Ok(Delivery::Sent { message_id, thread_id }),
            SendState::Stopped { reason } => Ok(Delivery::Stopped { reason }),
            SendState::Failed { error } => {
                Err(ReplyError::because(ReplyErrorKind::Refused, GiveUp::because(error)))
            }
            SendState::Owed => Ok(Delivery::Queued),
        }
    }

    /// Runs once for the event and remembers the result: a handler that is run again gets the first result back and does
    /// not pay for the model call again. It runs again only where the process ended after the effect and before the result was kept.
    ///
    /// The name tells steps of one handler apart; where one of a name was taken before in the same try, as in a loop, so does the
    /// order. One that failed does not count: what follows under its name takes its place.
    ///
    /// ```
    /// # use openmail_agent::handler::{Mail, Reply, ReplyContext, Result};
    /// # async fn ask_model(_: String) -> std::io::Result<String> { Ok(String::new()) }
    /// async fn answer(mail: Mail, ctx: ReplyContext) -> Result<Reply> {
    ///     let words = ctx.step("draft", || ask_model(mail.for_model())).await?;
    ///     Ok(Reply::text(words))
    /// }
    /// ```
    ///
    /// A block in place of a function has to say what its `?` makes of an error, since any kind will do:
    ///
    /// ```
    /// # use openmail_agent::prelude::*;
    /// # async fn look_up(_: &str) -> std::io::Result<u64> { Ok(7) }
    /// # async fn file_ticket(_: u64) -> std::io::Result<u64> { Ok(7) }
    /// async fn ticket(mail: Mail, ctx: ReplyContext) -> Result<Reply> {
    ///     let ticket = ctx
    ///         .step("ticket", || async {
    ///             let customer = look_up(mail.subject()).await?;
    ///             let ticket = file_ticket(customer).await?;
    ///             Ok::<_, Error>(ticket)
    ///         })
    ///         .await?;
    ///     Ok(Reply::text(format!("This is ticket {ticket}.")))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What the closure failed with, which is not remembered; or that the result could not be kept or read back.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before the result is kept, the step runs again on the next try.
    pub async fn step<T, E, F, Fut>(&self, name: &str, run: F) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<BoxError>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let failed = |source: BoxError| StepError { name: name.to_owned(), source };
        let services = self.context.services();
        let number = self.context.step(name);
        let place = match number.value() {
            0 => String::new(),
            before => format!("#{}", before + 1),
        };
        let scope = NoteScope::Step {
            seq: self.context.lease().seq,
            name: format!("{}/{name}{place}", self.context.handler()),
        };
        if let Some(json) = services.store.recall(&scope).await.map_err(|error| failed(error.into()))? {
            number.keep();
            return serde_json::from_slice(&json).map_err(|error| {
                // Not for good: another version of the program that kept it may share the store, and take the next try.
                let advice = "its kept result cannot be read back as this type: give the step another name to have it run again";
                failed(format!("{advice} ({error})").into())
            });
        }
        let result = run().await.map_err(|error| failed(error.into()))?;
        let value = serde_json::to_vec(&result).map_err(|error| failed(error.into()))?;
        let note = Note { scope, value: value.into() };
        services.store.remember(self.context.lease(), note).await.map_err(|error| failed(error.into()))?;
        pass(Point::Remembered);
        number.keep();
        Ok(result)
    }

    /// What is left of the inbox's limits, and when the next reply could leave by them. That the inbox is suspended, or the
    /// account paused, does not show here.
    ///
    /// # Errors
    ///
    /// [`NoRecipient`](ReplyErrorKind::NoRecipient) when the event is about no single inbox;
    /// [`Store`](ReplyErrorKind::Store) when the ledger could not be read.
    pub async fn allowance(&self) -> Result<Allowance, ReplyError> {
        let services = self.context.services();
        let inbox = self.context.event().inbox_id.as_ref().ok_or_else(|| {
            no_recipient(GiveUp::new("the event is about no single inbox, so there is no limit of one"))
        })?;
        services.store.allowance(inbox, &services.quotas, services.clock.now()).await.map_err(unstored)
    }

    /// How long to wait for a reply to leave.
    async fn patience(&self) -> Result<Duration, ReplyError> {
        let allowance = self.allowance().await?;
        let wait = clock::until(self.context.services().clock.now(), allowance.next_slot);
        let limited = || {
            let kind = ReplyErrorKind::Limited { next_slot: allowance.next_slot };
            ReplyError::because(kind, RetryAfter::new(wait))
        };
        match self.when_limited {
            WhenLimited::Queue if wait.is_zero() => Ok(SEND_PATIENCE),
            WhenLimited::Queue => Ok(Duration::ZERO),
            WhenLimited::Wait(most) if wait <= most => Ok(most.max(SEND_PATIENCE)),
            WhenLimited::Fail if wait.is_zero() => Ok(SEND_PATIENCE),
            WhenLimited::Wait(_) | WhenLimited::Fail => Err(limited()),
        }
    }
}

impl FromContext for ReplyContext {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(Self { context: context.clone(), when_limited: WhenLimited::default() })
    }
}

fn unstored(error: crate::store::StoreError) -> ReplyError {
    ReplyError::because(ReplyErrorKind::Store, error)
}

/// Why a reply was not taken.
pub type ReplyError = KindError<ReplyErrorKind>;

/// What went wrong with a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyErrorKind {
    /// There is nobody to reply to: the event is no mail, names no inbox, or its sender is not an address. Handed on with `?`, it gives
    /// up.
    NoRecipient,
    /// The service would not take it: it is empty, too long, or its files are too large. Nothing was committed. Handed on
    /// with `?`, it gives up.
    Invalid,
    /// The inbox has no slot left; nothing was committed. Handed on with `?`, it asks for another try when there is one.
    #[non_exhaustive]
    Limited {
        /// When there is one.
        next_slot: Timestamp,
    },
    /// The handler has ended, and what it gave was committed without this.
    TooLate,
    /// The service will never take it. Handed on with `?`, it gives up.
    Refused,
    /// It could not be committed.
    Store,
}

impl fmt::Display for ReplyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipient => f.write_str("there is nobody to reply to"),
            Self::Invalid => f.write_str("the mail cannot be sent as it is"),
            Self::Limited { next_slot } => write!(f, "the inbox may send nothing more before {next_slot}"),
            Self::TooLate => f.write_str("the handler has ended: have it wait for the task that replies"),
            Self::Refused => f.write_str("the reply was refused for good"),
            Self::Store => f.write_str("the reply could not be committed"),
        }
    }
}

/// A step failed.
#[derive(Debug)]
pub struct StepError {
    name: String,
    source: BoxError,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}` failed", self.name)
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

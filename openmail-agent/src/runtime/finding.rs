//! What becomes of an event.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::clock;
use crate::handler::{Attempt, Context, Error, Outcome, RetryVerdict};
use crate::model::ThreadId;
use crate::store::{EventOutcome, Leased, NewSend, Note};
use crate::wire::DecodeError;

use super::work::Workbench;

/// The pauses between the tries of a failing handler.
const RETRY: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(15 * 60));

/// How long an event waits whose handler is busy and has others waiting already.
const BUSY: Backoff = Backoff::new(Duration::from_secs(4), Duration::from_secs(4));

/// How long a mail whose event cannot be read waits for its row.
const ROW_MAY_COME: Duration = Duration::from_secs(60 * 60);

/// How often what may still come is looked for: a handler, a row.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// What becomes of an event, and what is committed with it.
pub(super) struct Finding {
    pub(super) outcome: EventOutcome,
    pub(super) sends: Vec<NewSend>,
    pub(super) notes: Vec<Note>,
    /// Whether a reply was committed while the handler ran.
    pub(super) answers_now: bool,
    /// The conversation that was handled, and is unread.
    pub(super) unread: Option<ThreadId>,
}

impl Finding {
    /// The conversation to mark as read. Not where an answer is owed, which does so when it leaves, nor where one was stopped: that mail
    /// waits for a person.
    pub(super) fn to_mark(&self) -> Option<ThreadId> {
        let is_answered = |thread_id: &ThreadId| {
            self.answers_now || self.sends.iter().any(|send| send.draft.thread_id.as_ref() == Some(thread_id))
        };
        let is_done = self.outcome == EventOutcome::Done;
        self.unread.clone().filter(|thread_id| is_done && !is_answered(thread_id))
    }
}

impl From<EventOutcome> for Finding {
    fn from(outcome: EventOutcome) -> Self {
        Self { outcome, sends: Vec::new(), notes: Vec::new(), answers_now: false, unread: None }
    }
}

impl Workbench {
    /// Its event cannot be read, and its row is not there. It is known now, so that no catch-up brings it again: it waits for its row
    /// as long as one may come.
    pub(super) fn without_row(&self, error: &DecodeError, leased: &Leased) -> Finding {
        let now = self.now();
        if now < clock::after(leased.event.received_at, ROW_MAY_COME) {
            return EventOutcome::Defer { at: clock::after(now, ASK_AGAIN) }.into();
        }
        parked(undecoded(error))
    }

    /// Nobody's here. Another process that shares the store may have a handler for it, such as one that is being rolled out.
    pub(super) fn without_handler(&self, leased: &Leased) -> Finding {
        let now = self.now();
        let is_shared = self.services.store.poll_every().is_some();
        if is_shared && self.unserved.may_be_taken(leased.lease.seq, leased.attempt, now) {
            return EventOutcome::Defer { at: clock::after(now, ASK_AGAIN) }.into();
        }
        parked("no handler takes it".to_owned())
    }

    /// Not handled because its handler is busy, or another suspect is in hand: others get their turn meanwhile, and no attempt is counted.
    pub(super) fn put_back(&self) -> Finding {
        EventOutcome::Defer { at: clock::after(self.now(), BUSY.with_half_jitter(0)) }.into()
    }

    /// The process has ended again and again while this was being handled: a crash cannot be caught, but it can be counted.
    pub(super) fn crashing(&self, attempt: u32) -> EventOutcome {
        let error = format!("the process ended or panicked {} times while it was being handled", attempt - 1);
        error!(error, "the event is a dead letter");
        EventOutcome::Dead { error }
    }

    /// Not handled for no fault of its own: due again at once, and no attempt counted.
    pub(super) fn given_back(&self) -> Finding {
        EventOutcome::Defer { at: self.now() }.into()
    }

    /// No fault of its handler.
    pub(super) fn try_again(&self, leased: &Leased, error: String) -> EventOutcome {
        error!(error, "the event cannot be handled, to be tried again");
        EventOutcome::Retry {
            at: clock::after(self.now(), RETRY.with_half_jitter(leased.attempt - 1)),
            error,
        }
    }

    pub(super) fn conclude(
        &self,
        result: Result<Outcome, Error>,
        context: &Context,
        attempt: Attempt,
    ) -> Finding {
        match result.and_then(|outcome| context.commit(outcome)) {
            Ok((sends, notes)) => {
                Finding { sends, notes, answers_now: context.answers_now(), ..EventOutcome::Done.into() }
            }
            // It ended because it was told to, perhaps, and not for a fault of its own.
            Err(error) if self.services.stopping.is_cancelled() && error.verdict() != RetryVerdict::Never => {
                info!(
                    error = error.to_string(),
                    "the handler did not finish before the stop, to be tried again"
                );
                self.given_back()
            }
            Err(error) => self.failed(&error, attempt).into(),
        }
    }

    fn failed(&self, error: &Error, attempt: Attempt) -> EventOutcome {
        let at = match error.verdict() {
            RetryVerdict::Never => None,
            _ if attempt.is_last() => None,
            RetryVerdict::After(wait) => Some(clock::after(self.now(), wait)),
            RetryVerdict::Retry => Some(clock::after(self.now(), RETRY.with_half_jitter(attempt.number - 1))),
        };
        let error = error.to_string();
        match at {
            Some(at) => {
                warn!(error, %at, "the handler failed, to be tried again");
                EventOutcome::Retry { at, error }
            }
            None => {
                warn!(error, "the handler failed for good: the event is a dead letter");
                EventOutcome::Dead { error }
            }
        }
    }
}

pub(super) fn undecoded(error: &DecodeError) -> String {
    format!("the event cannot be decoded: {error}")
}

pub(super) fn parked(reason: String) -> Finding {
    warn!(reason, "parked");
    EventOutcome::Parked { reason }.into()
}

//! What an answer of the service means for a send.

use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::api::{self, ErrorKind, Limit, Retry, Scope};
use crate::backoff::Backoff;
use crate::clock;
use crate::limit::Lesson;
use crate::model::{SendStatus, SentMessage};
use crate::store::{Hold, HoldScope, KEY_LIFE, Reservation, SendOutcome, SendSettlement};

use super::news::reply_failed;

/// The least to wait before the same words are sent again, whatever the answer said: one that names no wait, or a wait that
/// is over, must not be asked again and again without a pause.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));

/// The least that an inbox waits after a 429, whatever it said.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// How long a hold lasts that only the service's answer told us of: reactivation is announced over webhooks only, so one
/// send asks again after this.
const PROBE: Duration = Duration::from_secs(15 * 60);

/// What the service says of a key that it knows with other words.
const REUSED: &str = "idempotency_key_reused";

const PROVIDER_REFUSED: &str = "the service took it, and could not deliver it to the provider behind it";

/// How long after the first attempt another is made: not in the last minutes of a key's life, since the answer might come after its end.
const ATTEMPTS_FOR: Duration = KEY_LIFE.saturating_sub(Duration::from_secs(10 * 60));

const TOO_LATE: &str = "it did not leave in time: the machine slept, or many requests were before it";

/// Turns the answer to an attempt into what is recorded of it.
pub(super) fn settlement(
    reservation: &Reservation,
    answer: Result<SentMessage, api::Error>,
    now: Timestamp,
) -> SendSettlement {
    let outcome = SendOutcome::Failed { error: String::new() };
    let mut settlement = SendSettlement::new(reservation.seq, reservation.fence, outcome, now);
    match answer {
        // The service took it, and keeps this answer for the key: another attempt would be told the same.
        Ok(sent) if sent.status == Some(SendStatus::Failed) => {
            give_up(&mut settlement, reservation, None, PROVIDER_REFUSED.to_owned());
        }
        Ok(sent) => {
            settlement.outcome = SendOutcome::Sent { message_id: sent.message_id, thread_id: sent.thread_id };
        }
        Err(error) => judge(&mut settlement, reservation, &error),
    }
    settlement
}

/// What is recorded of an attempt that was not made, since its key may be forgotten. The store knows whether an earlier one was: then it
/// fails the send, and otherwise the key's life has not begun.
pub(super) fn given_back(reservation: &Reservation, now: Timestamp) -> SendSettlement {
    let outcome = SendOutcome::Retry { at: now, counted: false, error: TOO_LATE.to_owned() };
    SendSettlement::new(reservation.seq, reservation.fence, outcome, now)
}

fn judge(settlement: &mut SendSettlement, reservation: &Reservation, error: &api::Error) {
    let inbox_id = reservation.send.inbox_id.clone();
    let least = BACKOFF.with_half_jitter(reservation.attempt.saturating_sub(1));
    match (error.retry(), error.kind()) {
        (Retry::After(wait), ErrorKind::RateLimited(limit)) => {
            // The limit of new correspondents is no reason to hold up replies to known ones.
            if *limit == Limit::Rate {
                let until = clock::after(settlement.now, wait.max(LEAST_PAUSE));
                settlement.lesson = Some(Lesson::new(inbox_id, until));
            }
            settlement.outcome = retry(settlement.now, wait.max(least), false, error);
        }
        // About this process's key, which others may not use, nor this one after a restart: no hold for all.
        (_, ErrorKind::Unauthorized) => settlement.outcome = retry(settlement.now, least, false, error),
        (Retry::Held(Scope::Inbox), _) => hold(settlement, HoldScope::Inbox(inbox_id), least, error),
        (Retry::Held(_), _) => hold(settlement, HoldScope::Account, least, error),
        // What never left uses neither a slot nor the key, however long there is no way out.
        (_, ErrorKind::Connect) => settlement.outcome = retry(settlement.now, least, false, error),
        (Retry::After(wait), _) => again(settlement, reservation, wait.max(least), error),
        (Retry::Now, _) => again(settlement, reservation, least, error),
        // Nobody else has the key: a mail has left under it, of which this store has lost the record, and with other words.
        (_, ErrorKind::IdempotencyConflict) if error.code() == Some(REUSED) => {
            warn!(key = %reservation.send.key, inbox = %reservation.send.inbox_id, "an answer to this mail has left before, with other words");
            settlement.outcome = SendOutcome::Sent { message_id: None, thread_id: None };
        }
        (Retry::Never, _) => refuse(settlement, reservation, error),
    }
}

/// The same words under the same key, as long as the service remembers the key: a wait that is longer than that ends in time
/// for one more attempt.
fn again(settlement: &mut SendSettlement, reservation: &Reservation, wait: Duration, error: &api::Error) {
    let left = clock::until(settlement.now, clock::after(reservation.first_attempt_at, ATTEMPTS_FOR));
    if left.is_zero() {
        refuse(settlement, reservation, error);
    } else {
        settlement.outcome = retry(settlement.now, wait.min(left), true, error);
    }
}

/// The hold itself may change nothing, where newer news of the same scope is known: the send waits all the same.
fn hold(settlement: &mut SendSettlement, scope: HoldScope, least: Duration, error: &api::Error) {
    let until = clock::after(settlement.now, PROBE);
    settlement.hold = Some(Hold::new(scope, settlement.now, until, error.to_string()));
    settlement.outcome = retry(settlement.now, least, false, error);
}

fn refuse(settlement: &mut SendSettlement, reservation: &Reservation, error: &api::Error) {
    give_up(settlement, reservation, error.code().map(str::to_owned), error.to_string());
}

fn give_up(settlement: &mut SendSettlement, reservation: &Reservation, code: Option<String>, error: String) {
    settlement.outcome = SendOutcome::Failed { error: error.clone() };
    settlement.news = reply_failed(&reservation.send, code, error, settlement.now);
}

fn retry(now: Timestamp, wait: Duration, counted: bool, error: &api::Error) -> SendOutcome {
    SendOutcome::Retry { at: clock::after(now, wait), counted, error: error.to_string() }
}

#[cfg(test)]
mod tests;

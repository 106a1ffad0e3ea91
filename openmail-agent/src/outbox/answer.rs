//! What an answer of the service means for a send.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::{self, ErrorKind, Limit, Retry, Scope};
use crate::backoff::Backoff;
use crate::clock;
use crate::limit::Lesson;
use crate::model::SentMessage;
use crate::store::{Hold, HoldScope, KEY_LIFE, Reservation, SendOutcome, SendSettlement};

use super::news::reply_failed;

/// How long to wait before the same words are sent again after the service or the way to it failed.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));

/// How long a hold lasts that only the service's answer told us of: reactivation is announced over webhooks only, so one
/// send asks again after this.
const PROBE: Duration = Duration::from_secs(15 * 60);

/// No attempt is made in the last minutes of a key's life: the answer might come after its end.
const KEY_MARGIN: Duration = Duration::from_secs(10 * 60);

/// Turns the answer to an attempt into what is recorded of it.
pub(super) fn settlement(
    reservation: &Reservation,
    answer: Result<SentMessage, api::Error>,
    now: Timestamp,
) -> SendSettlement {
    let mut settlement = SendSettlement {
        seq: reservation.seq,
        fence: reservation.fence,
        outcome: SendOutcome::Failed { error: String::new() },
        now,
        lesson: None,
        hold: None,
        news: None,
    };
    match answer {
        Ok(sent) => {
            settlement.outcome = SendOutcome::Sent { message_id: sent.message_id, thread_id: sent.thread_id };
        }
        Err(error) => judge(&mut settlement, reservation, &error),
    }
    settlement
}

fn judge(settlement: &mut SendSettlement, reservation: &Reservation, error: &api::Error) {
    let inbox_id = reservation.send.inbox_id.clone();
    match (error.retry(), error.kind()) {
        (Retry::After(wait), ErrorKind::RateLimited(limit)) => {
            let until = clock::after(settlement.now, wait);
            // The limit of new correspondents is no reason to hold up replies to known ones.
            if *limit == Limit::Rate {
                settlement.lesson = Some(Lesson::inbox(inbox_id, until));
            }
            settlement.outcome = retry(until, false, error);
        }
        (Retry::Held(Scope::Inbox), _) => hold(settlement, HoldScope::Inbox(inbox_id), error),
        (Retry::Held(_), _) => hold(settlement, HoldScope::Account, error),
        (Retry::After(wait), _) => again(settlement, reservation, wait, error),
        (Retry::Now, _) => {
            again(settlement, reservation, BACKOFF.with_half_jitter(reservation.attempt - 1), error);
        }
        (Retry::Never, _) => give_up(settlement, reservation, error),
    }
}

/// The same words under the same key, as long as the service remembers the key.
fn again(settlement: &mut SendSettlement, reservation: &Reservation, wait: Duration, error: &api::Error) {
    let at = clock::after(settlement.now, wait);
    if at < clock::after(reservation.first_attempt_at, KEY_LIFE - KEY_MARGIN) {
        settlement.outcome = retry(at, true, error);
    } else {
        give_up(settlement, reservation, error);
    }
}

fn hold(settlement: &mut SendSettlement, scope: HoldScope, error: &api::Error) {
    let until = clock::after(settlement.now, PROBE);
    settlement.hold =
        Some(Hold { scope, since: settlement.now, until: Some(until), reason: error.to_string() });
    settlement.outcome = retry(settlement.now, false, error);
}

fn give_up(settlement: &mut SendSettlement, reservation: &Reservation, error: &api::Error) {
    settlement.outcome = SendOutcome::Failed { error: error.to_string() };
    let code = error.code().map(str::to_owned);
    settlement.news = Some(reply_failed(&reservation.send, code, error.to_string(), settlement.now));
}

fn retry(at: Timestamp, counted: bool, error: &api::Error) -> SendOutcome {
    SendOutcome::Retry { at, counted, error: error.to_string() }
}

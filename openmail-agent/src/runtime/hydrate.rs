//! Reads the row behind a mail: the event is a hint, the row the truth.

use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::api::{self, Client, Retry};
use crate::clock;
use crate::model::{Chain, Message, ThreadId};

/// How long a row may lag behind its event before the event is taken for all there is.
const LAG: Duration = Duration::from_secs(30);

/// How long to wait before looking for a row again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait before asking a service again that failed without saying when.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How long to wait before asking again for an account that is paused, or with a key that is refused.
const HELD: Duration = Duration::from_secs(60);

/// What reading the row came to.
pub(super) enum Row {
    /// The row, completed by what only the event had, and all of its conversation, oldest first.
    Read(Box<Message>, Vec<Message>),
    /// There is none: handle the mail as the event shows it.
    Missing,
    /// Not yet; ask again then.
    Later(Timestamp),
}

/// Reads the conversation a mail belongs to and finds the mail in it.
pub(super) async fn row(
    client: &Client,
    thread_id: &ThreadId,
    hint: &Message,
    received_at: Timestamp,
    now: Timestamp,
) -> Row {
    match client.thread_messages(thread_id).await {
        Ok(read) => match read.messages.iter().find(|row| row.id == hint.id) {
            Some(row) => Row::Read(Box::new(complete(row.clone(), hint)), read.messages),
            None => missing(received_at, now),
        },
        Err(error) => failed(&error, received_at, now),
    }
}

fn missing(received_at: Timestamp, now: Timestamp) -> Row {
    if now < clock::after(received_at, LAG) {
        Row::Later(clock::after(now, LOOK_AGAIN))
    } else {
        Row::Missing
    }
}

fn failed(error: &api::Error, received_at: Timestamp, now: Timestamp) -> Row {
    let Some(at) = ask_again(error, now) else {
        // A conversation that is not there yet lags like its rows.
        return missing(received_at, now);
    };
    // Once, when it is more than a lag.
    if clock::after(received_at, LAG) > now && clock::after(received_at, LAG) <= at {
        warn!(error = %Chain(error), "the mail waits until its row can be read");
    }
    Row::Later(at)
}

/// When to ask a service again that could not answer; `None` where the answer will not change.
pub(super) fn ask_again(error: &api::Error, now: Timestamp) -> Option<Timestamp> {
    match error.retry() {
        Retry::Now => Some(clock::after(now, ASK_AGAIN)),
        Retry::After(wait) => Some(clock::after(now, wait.max(LOOK_AGAIN))),
        Retry::Held(_) => Some(clock::after(now, HELD)),
        Retry::Never => None,
    }
}

/// The row, with what the event alone carries.
fn complete(mut row: Message, hint: &Message) -> Message {
    row.rfc_message_id = row.rfc_message_id.or_else(|| hint.rfc_message_id.clone());
    row.thread_id = row.thread_id.or_else(|| hint.thread_id.clone());
    row.from = row.from.or_else(|| hint.from.clone());
    row.subject = row.subject.or_else(|| hint.subject.clone());
    row.text = row.text.or_else(|| hint.text.clone());
    row.category = row.category.or_else(|| hint.category.clone());
    row.auto_replyable = row.auto_replyable.or(hint.auto_replyable);
    row.verdict = row.verdict.or_else(|| hint.verdict.clone());
    row.at = row.at.or(hint.at);
    if row.attachments.is_empty() {
        row.attachments.clone_from(&hint.attachments);
    }
    for (attachment, hinted) in row.attachments.iter_mut().zip(&hint.attachments) {
        if attachment.filename == hinted.filename && attachment.parsed_text.is_none() {
            attachment.parsed_text.clone_from(&hinted.parsed_text);
            attachment.extraction_method.clone_from(&hinted.extraction_method);
        }
    }
    row
}

//! Reads the row behind a mail: the event is a hint, the row the truth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::api::{self, Client, Conversation, Retry, Room};
use crate::clock::{self, Clock, Throttle};
use crate::model::{Chain, Message, ThreadId};

/// How long a row may lag behind its event before the event is taken for all there is.
const LAG: Duration = Duration::from_secs(30);

/// How long to try to read a conversation that begins to come and does not come to its end in time.
const TOO_SLOW: Duration = Duration::from_secs(5 * 60);

/// How long a conversation that was too slow is remembered as that.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// How often to say that rows cannot be read, however many mails wait for theirs.
const COMPLAIN: Duration = Duration::from_secs(60);

/// How long to wait before looking for a row again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait before asking a service again that failed without saying when.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The longest to wait because the service says so. Reads are limited by the minute, whatever the answer names, and the wait
/// is in the store, where no restart ends it.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// How long to wait before asking again for an account that is paused, or with a key that is refused.
const HELD: Duration = Duration::from_secs(60);

/// What reading the row came to.
pub(super) enum Row {
    /// The row, completed by what only the event had, and all of its conversation; each has its part of the room in memory.
    Read(Box<Message>, Conversation, Room),
    /// There is none: handle the mail as the event shows it.
    Missing,
    /// Not yet; ask again then.
    Later(Timestamp),
}

/// Reads the rows behind mails.
pub(super) struct Rows {
    client: Client,
    clock: Clock,
    complaints: Throttle,
    /// Since when some conversations have been too slow.
    slow: Mutex<HashMap<ThreadId, Timestamp>>,
}

impl Rows {
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock, complaints: Throttle::new(COMPLAIN), slow: Mutex::default() }
    }

    /// Reads the conversation a mail belongs to and finds the mail in it.
    pub(super) async fn row(&self, thread_id: &ThreadId, hint: &Message, received_at: Timestamp) -> Row {
        let read = self.client.conversation(thread_id).await;
        let now = self.clock.now();
        let is_given_up = self.is_too_slow(thread_id, read.as_ref().is_err_and(api::Error::is_too_much), now);
        match read {
            Ok(mut read) => match read.messages.iter().find(|row| row.id == hint.id) {
                Some(row) => {
                    let room = read.room.split(row.weight());
                    Row::Read(Box::new(complete(row.clone(), hint)), read, room)
                }
                None => missing(received_at, now),
            },
            Err(error) if is_given_up => {
                warn!(error = %Chain(&error), "the mail is handled as its event shows it: its conversation takes too long to come");
                Row::Missing
            }
            Err(error) => self.failed(&error, received_at, now),
        }
    }

    fn failed(&self, error: &api::Error, received_at: Timestamp, now: Timestamp) -> Row {
        let Some(at) = ask_again(error, now) else {
            // A conversation that is not there yet lags like its rows.
            return missing(received_at, now);
        };
        if clock::after(received_at, LAG) <= now && self.complaints.lets(now) {
            warn!(error = %Chain(error), "mail waits until its row can be read");
        }
        Row::Later(at)
    }

    /// Takes note of whether a conversation was too slow, and tells whether it has been for long.
    fn is_too_slow(&self, thread_id: &ThreadId, is_slow: bool, now: Timestamp) -> bool {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_slow {
            slow.remove(thread_id);
            return false;
        }
        slow.retain(|_, since| clock::after(*since, FORGOTTEN) > now);
        clock::after(*slow.entry(thread_id.clone()).or_insert(now), TOO_SLOW) <= now
    }
}

fn missing(received_at: Timestamp, now: Timestamp) -> Row {
    if now < clock::after(received_at, LAG) {
        Row::Later(clock::after(now, LOOK_AGAIN))
    } else {
        Row::Missing
    }
}

/// When to ask a service again that could not answer; `None` where the answer will not change.
pub(super) fn ask_again(error: &api::Error, now: Timestamp) -> Option<Timestamp> {
    match error.retry() {
        Retry::Now => Some(clock::after(now, ASK_AGAIN)),
        Retry::After(wait) => Some(clock::after(now, wait.clamp(LOOK_AGAIN, LONGEST_WAIT))),
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::model::Secret;
    use crate::store::conformance::fixture::at;

    /// A service that begins each answer and never ends it.
    async fn stalling() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{";
                stream.write_all(head.as_bytes()).await.unwrap();
                kept.push(stream);
            }
        });
        url
    }

    #[tokio::test]
    async fn a_conversation_that_never_comes_to_its_end_does_not_keep_its_mail_for_ever() {
        let client = Client::builder(Secret::new("om_1")).base_url(&stalling().await).unwrap();
        let client = client.timeout(Duration::from_secs(2)).build().unwrap();
        let clock = Clock::manual(at(0));
        let rows = Rows::new(client, clock.clone());
        let row = async |mail: &str| rows.row(&"thr_1".into(), &Message::new(mail), at(-3_600)).await;
        let first = row("msg_1").await;
        assert!(
            matches!(first, Row::Later(at) if at > clock.now()),
            "the line may be slow for a while, however long the mail has waited"
        );
        clock.advance(TOO_SLOW);
        assert!(matches!(row("msg_1").await, Row::Missing), "the event is better than nothing");
        assert!(matches!(row("msg_2").await, Row::Missing), "nor does the next one wait as long again");
    }
    #[test]
    fn a_mail_asks_for_its_row_again_within_minutes_whatever_it_was_told() {
        let now = at(0);
        let told = |seconds: &str| {
            let headers = [(http::header::RETRY_AFTER, seconds.parse().unwrap())].into_iter().collect();
            ask_again(&api::from_answer(429, &headers, b"{}", now), now)
        };
        for (seconds, asks) in [("0", LOOK_AGAIN), ("30", Duration::from_secs(30)), ("90000", LONGEST_WAIT)] {
            assert_eq!(told(seconds), Some(clock::after(now, asks)), "{seconds}");
        }
    }
}

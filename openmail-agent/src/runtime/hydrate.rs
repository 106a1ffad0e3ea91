//! Reads the row behind a mail: the event is a hint, the row the truth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use crate::api::{self, Client, Conversation, ErrorKind, Retry, Room};
use crate::clock::{self, Clock, Throttle};
use crate::model::{Chain, InboxId, Message, ThreadId};
use crate::transport::catch_up;

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

/// How long after its arrival a mail is given up of which nothing can be read that is not in its event.
const HOPELESS: Duration = Duration::from_secs(60 * 60);

/// How long to wait for the turn to look for a row by itself. Who waits keeps others of its inbox from theirs.
const TURN: Duration = Duration::from_secs(10);

/// What reading the row came to.
pub(super) enum Row {
    /// The row, completed by what only the event had, and all of its conversation, unless that is too much; each has its part of the room
    /// in memory.
    Read(Box<Message>, Option<Conversation>, Room),
    /// There is none: handle the mail as the event shows it.
    Missing,
    /// There is one, perhaps, and it cannot be read: no handler may see the mail, since nothing says that it does no harm. Why, and what to
    /// do.
    Unscreened(String),
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
    /// One row at a time is looked for by itself, since whatever is in the way of it is read too.
    looking: Semaphore,
}

impl Rows {
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        let complaints = Throttle::new(COMPLAIN);
        Self { client, clock, complaints, slow: Mutex::default(), looking: Semaphore::new(1) }
    }

    /// Reads the conversation a mail belongs to and finds the mail in it.
    pub(super) async fn row(
        &self,
        thread_id: &ThreadId,
        inbox_id: Option<&InboxId>,
        hint: &Message,
        received_at: Timestamp,
    ) -> Row {
        let read = self.client.conversation(thread_id).await;
        let now = self.clock.now();
        let is_given_up = self.is_too_slow(thread_id, read.as_ref().is_err_and(api::Error::is_too_much), now);
        match read {
            Ok(mut read) => match read.messages.iter().find(|row| row.id == hint.id) {
                Some(row) => {
                    let room = read.room.split(row.weight());
                    Row::Read(Box::new(complete(row.clone(), hint)), Some(read), room)
                }
                None => missing(received_at, now),
            },
            Err(error) if is_given_up || *error.kind() == ErrorKind::TooLarge => {
                self.alone(inbox_id, hint, received_at).await
            }
            Err(error) => self.failed(&error, hint, received_at, now),
        }
    }

    /// Reads the row by itself, where its conversation is too much: strangers can make that so, and then what the event leaves out
    /// decides whether a handler may see the mail.
    async fn alone(&self, inbox_id: Option<&InboxId>, hint: &Message, received_at: Timestamp) -> Row {
        let Ok(_turn) = timeout(TURN, self.looking.acquire()).await else {
            return Row::Later(clock::after(self.clock.now(), ASK_AGAIN));
        };
        let found = match inbox_id {
            Some(inbox_id) => catch_up::find_row(&self.client, inbox_id, hint).await,
            None => Ok(None),
        };
        let now = self.clock.now();
        match found {
            Ok(Some(row)) => match self.client.room_for(&row).await {
                Ok(room) => Row::Read(Box::new(complete(row, hint)), None, room),
                Err(error) => self.failed(&error, hint, received_at, now),
            },
            Ok(None) => unscreened(hint, received_at, now),
            // A service that is slow for everything gets better.
            Err(error) if error.is_too_much() && clock::after(received_at, HOPELESS) <= now => {
                unscreened(hint, received_at, now)
            }
            Err(error) => self.failed(&error, hint, received_at, now),
        }
    }

    fn failed(&self, error: &api::Error, hint: &Message, received_at: Timestamp, now: Timestamp) -> Row {
        let Some(at) = ask_again(error, now) else {
            // A conversation that is not there yet lags like its rows. What is refused for another reason may be there.
            return match error.kind() {
                ErrorKind::NotFound => missing(received_at, now),
                _ => unscreened(hint, received_at, now),
            };
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

/// There may be a row, which cannot be read; what lags may come yet.
fn unscreened(hint: &Message, received_at: Timestamp, now: Timestamp) -> Row {
    if now < clock::after(received_at, LAG) {
        return Row::Later(clock::after(now, ASK_AGAIN));
    }
    if hint.verdict.is_some() || hint.category.is_some() {
        warn!("the mail is handled as its event shows it: neither its conversation nor its row can be read");
        return Row::Missing;
    }
    Row::Unscreened(
        "whether it does harm is not known: its conversation cannot be read, and its row is not found by itself; \
         look at it in the OpenMail console, and answer it there"
            .to_owned(),
    )
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
    use crate::model::{Secret, Verdict};
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
        let row = async |mail: &str| {
            let hint = Message { verdict: Some(Verdict::Clean), ..Message::new(mail) };
            rows.row(&"thr_1".into(), None, &hint, at(-3_600)).await
        };
        let first = row("msg_1").await;
        assert!(
            matches!(first, Row::Later(at) if at > clock.now()),
            "the line may be slow for a while, however long the mail has waited"
        );
        clock.advance(TOO_SLOW);
        assert!(matches!(row("msg_1").await, Row::Missing), "the event is better than nothing");
        assert!(matches!(row("msg_2").await, Row::Missing), "nor does the next one wait as long again");
    }

    #[tokio::test]
    async fn a_service_that_is_slow_for_everything_costs_no_mail_that_nothing_is_known_of() {
        let client = Client::builder(Secret::new("om_1")).base_url(&stalling().await).unwrap();
        let client = client.timeout(Duration::from_millis(300)).build().unwrap();
        let clock = Clock::manual(at(0));
        let rows = Rows::new(client, clock.clone());
        let row =
            async || rows.row(&"thr_1".into(), Some(&"inb_1".into()), &Message::new("msg_1"), at(0)).await;
        // That a conversation was slow an hour ago counts no more.
        for minute in [0, 6, 59, 60] {
            clock.advance_to(at(60 * minute));
            assert!(matches!(row().await, Row::Later(_)), "after {minute} minutes");
        }
        clock.advance(TOO_SLOW);
        assert!(matches!(row().await, Row::Unscreened(_)));
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

    /// A service with a conversation that is too large, and this list of the inbox's mail.
    async fn with_too_large_a_conversation(list: &'static str) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                let is_list = String::from_utf8_lossy(&request[..read]).contains("/messages?");
                let (body, length) = if is_list { (list, list.len()) } else { ("{", 40_000_000) };
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length";
                let _ = stream.write_all(format!("{head}: {length}\r\n\r\n{body}").as_bytes()).await;
            }
        });
        Client::builder(Secret::new("om_1")).base_url(&url).unwrap().build().unwrap()
    }

    #[tokio::test]
    async fn a_mail_whose_conversation_is_too_large_is_read_by_itself() {
        let list =
            r#"{"data":[{"id":"msg_2"},{"id":"msg_1","verdict":"malicious","deliveryRole":"cc"}],"total":2}"#;
        let rows = Rows::new(with_too_large_a_conversation(list).await, Clock::manual(at(0)));
        let row = rows.row(&"thr_1".into(), Some(&"inb_1".into()), &Message::new("msg_1"), at(0)).await;
        let Row::Read(row, None, _) = row else { panic!("it was not read") };
        assert_eq!((row.id.as_str(), &row.verdict), ("msg_1", &Some(Verdict::Malicious)));
    }

    #[tokio::test]
    async fn a_mail_that_nothing_is_known_of_reaches_no_handler() {
        let client = with_too_large_a_conversation(r#"{"data":[{"id":"msg_2"}],"total":1}"#).await;
        let clock = Clock::manual(at(0));
        let rows = Rows::new(client, clock.clone());
        let row = async |hint: &Message| rows.row(&"thr_1".into(), Some(&"inb_1".into()), hint, at(0)).await;
        let unknown = Message::new("msg_1");
        assert!(matches!(row(&unknown).await, Row::Later(_)), "its row may lag");
        clock.advance(LAG);
        assert!(matches!(row(&unknown).await, Row::Unscreened(reason) if reason.contains("console")));
        let clean = Message { verdict: Some(Verdict::Clean), ..unknown };
        assert!(matches!(row(&clean).await, Row::Missing), "its event says that it does no harm");
    }
}

//! What REST knows of an account: read, and nothing else.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{failure::Failure, fetch};

/// The most rows that an answer has.
const PAGE: usize = 100;

/// How often a mail's row is looked for, which can lag its event by some seconds, and how long in between.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(1500);

pub(crate) struct Rows {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
}

/// A mail that is there already, as an event would have told of it.
pub(crate) struct Past {
    pub(crate) at: Timestamp,
    pub(crate) event: Value,
    pub(crate) thread: Value,
}

impl Rows {
    pub(crate) fn new(base: &Url, authorization: HeaderValue) -> Result<Self, Failure> {
        Ok(Self { http: fetch::client(base)?, base: base.clone(), authorization })
    }

    /// The account's inboxes; none where the key may not list them.
    pub(crate) async fn inboxes(&self) -> Result<Vec<Value>, Failure> {
        self.list(&["v1", "inboxes"], "", "inboxes", usize::MAX).await
    }

    /// The latest mails of some inboxes, oldest first.
    pub(crate) async fn past(&self, inboxes: &[Value], most: usize) -> Result<Vec<Past>, Failure> {
        let mut past = Vec::new();
        for inbox in inboxes {
            let Some(id) = inbox["id"].as_str() else { continue };
            let rows =
                self.list(&["v1", "inboxes", id, "messages"], "direction=inbound&", "messages", most).await?;
            // The newest come first, so that of two of one moment the later one does.
            past.extend(rows.into_iter().rev().filter_map(|row| Past::of(inbox, row)));
        }
        past.sort_by_key(|mail| mail.at);
        past.drain(..past.len().saturating_sub(most));
        Ok(past)
    }

    /// The conversation as REST has it, once the mail is in it.
    pub(crate) async fn thread_of(&self, event: &Value) -> Option<Value> {
        let (thread, message) = (event["thread_id"].as_str()?, event["message"]["id"].as_str()?);
        for look in 0..LOOKS {
            if look > 0 {
                sleep(LOOK_AGAIN).await;
            }
            let url = fetch::below(&self.base, &["v1", "threads", thread, "messages"]);
            let (_, page) = self.get(url).await.ok()?;
            if rows(&page, "messages").iter().any(|row| row["id"].as_str() == Some(message)) {
                return Some(page);
            }
        }
        None
    }

    async fn list(&self, path: &[&str], query: &str, name: &str, most: usize) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        while all.len() < most {
            let mut url = fetch::below(&self.base, path);
            url.set_query(Some(&format!("{query}limit={PAGE}&offset={}", all.len())));
            let (status, page) = self.get(url).await.map_err(|error| {
                Failure::new(format!("{} does not answer: check OPENMAIL_BASE_URL", self.base))
                    .because(error.without_url())
            })?;
            if status == StatusCode::UNAUTHORIZED {
                return Err(Failure::new(
                    "the key is refused: check OPENMAIL_API_KEY, and that it belongs to OPENMAIL_BASE_URL",
                ));
            }
            let found = rows(&page, name);
            all.extend_from_slice(found);
            if found.len() < PAGE {
                break;
            }
        }
        all.truncate(most);
        Ok(all)
    }

    async fn get(&self, url: Url) -> Result<(StatusCode, Value), reqwest::Error> {
        fetch::json(self.http.get(url).header(AUTHORIZATION, self.authorization.clone())).await
    }
}

impl Past {
    fn of(inbox: &Value, row: Value) -> Option<Self> {
        let at = row["createdAt"].as_str().or_else(|| row["created_at"].as_str())?.parse().ok()?;
        let event = json!({
            "event": "message.received",
            "inbox_id": inbox["id"],
            "external_id": inbox["externalId"],
            "thread_id": row["threadId"].as_str().or_else(|| row["thread_id"].as_str()),
            "message": {"id": row["id"]},
        });
        Some(Self { at, event, thread: json!({"data": [row]}) })
    }
}

/// The rows of a list, under `data` or the resource's own name.
fn rows<'a>(page: &'a Value, name: &str) -> &'a [Value] {
    let rows = page.get("data").or_else(|| page.get(name));
    rows.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

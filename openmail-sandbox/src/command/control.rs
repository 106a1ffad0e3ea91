//! A running sandbox, as its page drives it.

use std::time::Duration;

use jiff::Timestamp;
use openmail_sandbox::recording::RecordedMail;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{failure::Failure, fetch};

/// How often the sandbox is asked for news.
const ASK_AGAIN: Duration = Duration::from_millis(200);

pub(crate) struct Control {
    http: reqwest::Client,
    base: Url,
}

/// Where a mail has landed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Landed {
    pub(crate) thread_id: String,
    pub(crate) message_id: String,
}

/// A conversation at this moment.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) is_read: bool,
    pub(crate) messages: Vec<Message>,
}

/// A mail of it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) is_answer: bool,
    pub(crate) at: Timestamp,
}

impl Control {
    pub(crate) fn new(base: &str) -> Result<Self, Failure> {
        let base = fetch::base(base)?;
        Ok(Self { http: fetch::client(&base)?, base })
    }

    pub(crate) async fn ensure_inbox(&self, mail: &RecordedMail) -> Result<(), Failure> {
        let inbox = json!({"address": mail.inbox, "external_id": mail.external_id});
        self.post(&["sandbox", "inboxes"], &inbox).await.map(drop)
    }

    pub(crate) async fn deliver(
        &self,
        mail: &RecordedMail,
        thread_id: Option<&str>,
    ) -> Result<Landed, Failure> {
        let answer =
            self.post(&["sandbox", "recorded"], &json!({"mail": mail, "thread_id": thread_id})).await?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(Landed { thread_id: text("thread_id"), message_id: text("message_id") })
    }

    /// Waits until somebody would hear of a mail: a socket that has subscribed, or a webhook.
    pub(crate) async fn wait_for_agent(&self) -> Result<(), Failure> {
        loop {
            let overview = self.get(&["sandbox", "overview"]).await?;
            if overview["sockets"]["subscribed"].as_u64().unwrap_or_default() > 0
                || overview["webhook"].as_bool() == Some(true)
            {
                return Ok(());
            }
            sleep(ASK_AGAIN).await;
        }
    }

    pub(crate) async fn conversation(&self, thread_id: &str) -> Result<Conversation, Failure> {
        let thread = self.get(&["sandbox", "threads", thread_id]).await?;
        let messages = thread["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let message = |row: &Value| {
            Some(Message {
                id: row["id"].as_str()?.to_owned(),
                is_answer: row["direction"].as_str() == Some("outbound"),
                at: row["at"].as_str()?.parse().ok()?,
            })
        };
        Ok(Conversation {
            is_read: thread["is_read"].as_bool().unwrap_or_default(),
            messages: messages.iter().filter_map(message).collect(),
        })
    }

    async fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        self.answer(self.http.get(fetch::below(&self.base, path))).await
    }

    async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.answer(self.http.post(fetch::below(&self.base, path)).json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let (status, answer) = fetch::json(request).await.map_err(|error| {
            Failure::new(format!("no sandbox answers at {}", self.base)).because(error.without_url())
        })?;
        if status.is_success() {
            return Ok(answer);
        }
        let why = answer["message"].as_str().unwrap_or("it may be no sandbox").to_owned();
        Err(Failure::new(format!("the sandbox at {} refuses with status {status}", self.base)).because(why))
    }
}

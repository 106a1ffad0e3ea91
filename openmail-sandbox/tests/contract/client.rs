//! The plainest clients that can tell whether the contract is kept.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use openmail_sandbox::{Inbox, Sandbox};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

/// Far beyond what anything here takes: a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A REST client with a key.
pub(crate) struct Rest {
    http: reqwest::Client,
    base_url: String,
    key: String,
}

impl Rest {
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self::with_key(sandbox, sandbox.api_key())
    }

    pub(crate) fn with_key(sandbox: &Sandbox, key: &str) -> Self {
        Self::at(sandbox.base_url(), key)
    }

    pub(crate) fn at(base_url: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { http: http.build().unwrap(), base_url: base_url.to_owned(), key: key.to_owned() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.key).timeout(PATIENCE)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    /// The first event of the stream that the page draws, as it came and as it is meant.
    pub(crate) async fn overview(&self) -> (usize, Value) {
        let mut stream = self.request(Method::GET, "/sandbox/stream").send().await.unwrap();
        let mut first = Vec::new();
        while !first.ends_with(b"\n\n") {
            first.extend(stream.chunk().await.unwrap().unwrap());
        }
        (first.len(), serde_json::from_slice(first.strip_prefix(b"data: ").unwrap()).unwrap())
    }

    pub(crate) async fn send(&self, inbox: &Inbox, key: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
        Answer::of(request.header("Idempotency-Key", key).json(&body).send().await.unwrap()).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (retry_after, location) = (header("retry-after"), header("location"));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, retry_after: retry_after.map(|text| text.parse().unwrap()), location, text, body }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(code)), "{}", self.text);
        assert!(self.body["message"].is_string(), "{}", self.text);
        self.body
    }
}

/// A WebSocket client.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(sandbox: &Sandbox) -> Self {
        Self::try_open(sandbox, sandbox.api_key()).await.unwrap()
    }

    pub(crate) async fn try_open(sandbox: &Sandbox, key: &str) -> Result<Self, Error> {
        Self::at(sandbox.base_url(), key).await
    }

    pub(crate) async fn at(base_url: &str, key: &str) -> Result<Self, Error> {
        let mut request = format!("{}/v1/ws", base_url.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    pub(crate) async fn subscribed(sandbox: &Sandbox) -> Self {
        let mut socket = Self::open(sandbox).await;
        socket.say(json!({"type": "subscribe"})).await;
        assert_eq!(socket.hear().await["type"], "subscribed");
        socket
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.say_raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn say_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next frame with JSON in it.
    pub(crate) async fn hear(&mut self) -> Value {
        match self.hear_raw().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    /// The close code, once everything before it has been read; none if the connection died without one.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.hear_raw().await {
                Some(Ok(Message::Close(frame))) => {
                    // Reading on is what sends our own close frame.
                    while let Some(Ok(_)) = self.hear_raw().await {}
                    return frame.map(|frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return None,
            }
        }
    }

    pub(crate) async fn hear_raw(&mut self) -> Option<Result<Message, Error>> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time")
    }
}

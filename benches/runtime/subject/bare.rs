//! The bare parts: what a program does that keeps no promise.

use std::collections::HashSet;
use std::future::pending;

use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Every field of an event, owned.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read to be measured")]
struct Event {
    event: String,
    event_id: String,
    occurred_at: String,
    delivered_at: String,
    attempt: u32,
    inbox_id: String,
    external_id: Option<String>,
    thread_id: String,
    message: Mail,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read to be measured")]
struct Mail {
    id: String,
    rfc_message_id: Option<String>,
    from: String,
    to: String,
    cc: Vec<String>,
    subject: Option<String>,
    body_text: Option<String>,
    attachments: Vec<serde_json::Value>,
    received_at: String,
}

/// Reads, parses, counts each mail once.
pub(super) async fn socket(url: &str, count: usize) {
    let mut socket = subscribe(url).await;
    let mut seen = HashSet::new();
    while seen.len() < count {
        if let Some(event) = next(&mut socket).await {
            seen.insert(event.event_id);
        }
    }
    super::done();
}

/// A route that reads and answers.
pub(super) async fn webhooks() {
    let router = Router::new().route("/webhooks", post(async |_: Bytes| Json(json!({ "received": true }))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound"));
    axum::serve(listener, router).await.expect("it serves until it is killed");
}

/// Reads, parses, answers each mail with one request, and remembers nothing.
pub(super) async fn replies(url: &str) {
    let mut socket = subscribe(url).await;
    let tls = openmail_agent::api::tls::client_config().expect("TLS can be set up");
    let client = reqwest::Client::builder().tls_backend_preconfigured((*tls).clone()).build();
    let client = client.expect("a client");
    loop {
        let Some(event) = next(&mut socket).await else { continue };
        let request = client
            .post(format!("{url}/v1/inboxes/{}/send", event.inbox_id))
            .json(&json!({ "to": event.message.from, "body": "Thank you.", "threadId": event.thread_id }));
        tokio::spawn(async move {
            let answer = request.send().await.expect("the reply is taken");
            answer.bytes().await.expect("the answer is read");
        });
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn subscribe(url: &str) -> Socket {
    let url = format!("{}/v1/ws", url.replace("http", "ws"));
    let (mut socket, _) = connect_async(url).await.expect("the service answers");
    socket.send(Message::text(r#"{"type":"subscribe"}"#)).await.expect("it is taken");
    socket.next().await.expect("it is confirmed").expect("it is confirmed");
    socket
}

async fn next(socket: &mut Socket) -> Option<Event> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).expect("an event")),
        Some(Ok(_)) => None,
        _ => pending().await,
    }
}

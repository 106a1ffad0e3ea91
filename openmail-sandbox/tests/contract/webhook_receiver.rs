//! A customer's webhook.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::client::PATIENCE;

/// Takes what it is given, unless it has been told to answer otherwise.
pub(crate) struct Receiver {
    url: String,
    answers: Arc<Mutex<VecDeque<u16>>>,
    requests: mpsc::Receiver<Received>,
    server: JoinHandle<()>,
}

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
struct Desk {
    answers: Arc<Mutex<VecDeque<u16>>>,
    requests: mpsc::Sender<Received>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let answers = Arc::<Mutex<VecDeque<u16>>>::default();
        let (sender, requests) = mpsc::channel(1000);
        let desk = Desk { answers: answers.clone(), requests: sender };
        let router = Router::new().route("/webhooks", post(take)).with_state(desk);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, answers, requests, server }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The statuses of the next answers; 200 after those.
    pub(crate) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.requests.recv()).await.expect("a request in time").unwrap()
    }

    pub(crate) fn has_more(&mut self) -> bool {
        self.requests.try_recv().is_ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = desk.answers.lock().unwrap().pop_front().unwrap_or(200);
    desk.requests.send(Received { headers, body }).await.unwrap();
    StatusCode::from_u16(status).unwrap()
}

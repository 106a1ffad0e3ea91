use std::future::pending;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::sample;

/// How much is written at once.
const CHUNK: usize = 64 * 1024;

/// What the service says once somebody has subscribed.
pub(crate) enum Feed {
    /// Nothing.
    Silence,
    /// All at once.
    Flood(Vec<Bytes>),
    /// One after the other, in a rhythm.
    Drip(Drip),
}

/// Mail in a rhythm.
pub(crate) struct Drip {
    pub(crate) events: Vec<String>,
    pub(crate) every: Duration,
    /// Told of each as it leaves, in order.
    pub(crate) pushed: mpsc::UnboundedSender<Instant>,
}

impl Feed {
    /// So many events, made ready to be written.
    pub(crate) fn flood(count: usize) -> Self {
        let mut chunks = Vec::new();
        let mut chunk = Vec::with_capacity(CHUNK + 1024);
        for number in 0..count {
            chunk.extend(sample::frame(&sample::event(number, count)));
            if chunk.len() >= CHUNK || number + 1 == count {
                chunks.push(Bytes::copy_from_slice(&chunk));
                chunk.clear();
            }
        }
        Self::Flood(chunks)
    }
}

pub(super) async fn serve(stream: TcpStream, feed: &Feed, started: mpsc::Sender<Instant>) {
    let mut socket = accept_async(stream).await.expect("a WebSocket handshake");
    while !subscribed(&mut socket).await {}
    // The subscription is in force before the first event comes.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _ = started.send(Instant::now()).await;
    match feed {
        Feed::Silence => {}
        Feed::Flood(chunks) => {
            for chunk in chunks {
                if socket.get_mut().write_all(chunk).await.is_err() {
                    return;
                }
            }
        }
        Feed::Drip(drip) => drip.run(&mut socket).await,
    }
    tokio::select! {
        () = async { while answer(&mut socket).await {} } => {}
        () = pending() => {}
    }
}

impl Drip {
    async fn run(&self, socket: &mut WebSocketStream<TcpStream>) {
        let mut rhythm = interval(self.every);
        rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for event in &self.events {
            rhythm.tick().await;
            let _ = self.pushed.send(Instant::now());
            if socket.get_mut().write_all(&sample::frame(event)).await.is_err() {
                return;
            }
        }
    }
}

/// Reads a frame and answers it. Tells whether it was the first subscription.
async fn subscribed(socket: &mut WebSocketStream<TcpStream>) -> bool {
    let Some(Ok(Message::Text(text))) = socket.next().await else { return false };
    let subscribe = text.contains("\"subscribe\"");
    let _ = socket.send(Message::text(answer_to(&text))).await;
    subscribe
}

/// Reads a frame and answers it. Tells whether there may be another.
async fn answer(socket: &mut WebSocketStream<TcpStream>) -> bool {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => socket.send(Message::text(answer_to(&text))).await.is_ok(),
        Some(Ok(_)) => true,
        _ => false,
    }
}

fn answer_to(text: &str) -> &'static str {
    if text.contains("\"subscribe\"") {
        r#"{"type":"subscribed","inbox_ids":[],"event_types":[]}"#
    } else {
        r#"{"type":"pong"}"#
    }
}

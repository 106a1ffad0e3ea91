//! Listens to the service's events beside whoever else does: it sends nothing but its subscription.

use std::{convert::Infallible, time::Duration};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header::AUTHORIZATION};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use super::failure::Failure;

/// The largest event that is taken.
const MESSAGE_AT_MOST: usize = 16 * 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// The server pings every 30 seconds: one that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Inboxes made later stay silent under a pod's key until the next subscription.
const SUBSCRIBE_EVERY: Duration = Duration::from_secs(60);
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An event, and when it came.
pub(crate) type Arrived = (Value, Instant);

/// What to listen to.
pub(crate) struct Listener {
    pub(crate) url: Url,
    pub(crate) authorization: HeaderValue,
    pub(crate) inboxes: Vec<String>,
    /// A place of its own in the stream, which is nobody else's.
    last_event_id: Option<String>,
}

/// Why a connection ended.
enum Ended {
    /// It broke, and may be opened again.
    Lost,
    /// It is of no use to open it again.
    Refused(Failure),
}

impl Listener {
    pub(crate) fn new(base: &Url, authorization: HeaderValue, inboxes: Vec<String>) -> Self {
        let mut url = super::fetch::below(base, &["v1", "ws"]);
        let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
        // Both schemes are special ones, between which a URL may change.
        url.set_scheme(scheme).ok();
        Self { url, authorization, inboxes, last_event_id: None }
    }

    /// Hands events on until nobody takes them. `subscribed` is called each time the subscription is confirmed.
    pub(crate) async fn run(
        mut self,
        events: mpsc::Sender<Arrived>,
        mut subscribed: impl FnMut(),
    ) -> Result<Infallible, Failure> {
        let mut first = true;
        let mut wait = BACKOFF.0;
        loop {
            let connected = timeout(CONNECT_WITHIN, self.connect()).await;
            let socket = match connected.unwrap_or(Err(Ended::Lost)) {
                Ok(socket) => socket,
                Err(Ended::Refused(failure)) => return Err(failure),
                Err(Ended::Lost) if first => {
                    return Err(Failure::new(format!(
                        "{} does not answer: check OPENMAIL_BASE_URL, and that the sandbox runs if it is one",
                        self.url
                    )));
                }
                Err(Ended::Lost) => {
                    sleep(wait).await;
                    wait = (wait * 2).min(BACKOFF.1);
                    continue;
                }
            };
            first = false;
            let opened = Instant::now();
            match self.listen(socket, &events, &mut subscribed).await {
                Ended::Refused(failure) => return Err(failure),
                Ended::Lost => {
                    tracing::warn!("the connection is lost: connecting again");
                    if opened.elapsed() > BACKOFF.1 {
                        wait = BACKOFF.0;
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(BACKOFF.1);
                }
            }
        }
    }

    async fn connect(&self) -> Result<Socket, Ended> {
        let request = self.url.as_str().into_client_request();
        let mut request = request.map_err(|error| {
            Ended::Refused(Failure::new("the base address is no address for a WebSocket").because(error))
        })?;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_AT_MOST))
            .max_frame_size(Some(MESSAGE_AT_MOST));
        match connect_async_with_config(request, Some(limits), true).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(refused(response.status().as_u16())),
            Err(error) => {
                tracing::warn!(%error, "no connection");
                Err(Ended::Lost)
            }
        }
    }

    async fn listen(
        &mut self,
        mut socket: Socket,
        events: &mpsc::Sender<Arrived>,
        subscribed: &mut impl FnMut(),
    ) -> Ended {
        let cursor = self.last_event_id.clone();
        if !say(&mut socket, self.subscription(cursor.as_deref())).await {
            return Ended::Lost;
        }
        let mut again = interval_at(Instant::now() + SUBSCRIBE_EVERY, SUBSCRIBE_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_subscribed = false;
        loop {
            let message = tokio::select! {
                message = timeout(SILENCE, socket.next()) => message,
                _ = again.tick() => {
                    say(&mut socket, self.subscription(None)).await;
                    continue;
                }
            };
            let text = match message {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(frame)))) => return closed(frame),
                Ok(Some(Ok(_))) => continue,
                Ok(Some(Err(_)) | None) | Err(_) => return Ended::Lost,
            };
            let Ok(frame) = serde_json::from_str::<Value>(&text) else { continue };
            match frame["type"].as_str() {
                Some("subscribed") if !is_subscribed => {
                    is_subscribed = true;
                    subscribed();
                }
                Some("error") if !is_subscribed && self.last_event_id.is_some() => {
                    tracing::warn!(
                        "the place in the stream is not known any more: mail may be missing from the recording"
                    );
                    self.last_event_id = None;
                    say(&mut socket, self.subscription(None)).await;
                }
                Some("error") if !is_subscribed => {
                    let why = frame["message"].as_str().unwrap_or("no reason given").to_owned();
                    return Ended::Refused(Failure::new("the subscription is refused").because(why));
                }
                Some(_) => {}
                None => {
                    if let Some(id) = frame["event_id"].as_str() {
                        self.last_event_id = Some(id.to_owned());
                    }
                    if events.send((frame, Instant::now())).await.is_err() {
                        return Ended::Lost;
                    }
                }
            }
        }
    }

    fn subscription(&self, last_event_id: Option<&str>) -> Value {
        let mut subscribe = json!({"type": "subscribe", "event_types": ["message.received"]});
        if !self.inboxes.is_empty() {
            subscribe["inbox_ids"] = json!(self.inboxes);
        }
        if let Some(id) = last_event_id {
            subscribe["last_event_id"] = json!(id);
        }
        subscribe
    }
}

async fn say(socket: &mut Socket, message: Value) -> bool {
    matches!(timeout(CONNECT_WITHIN, socket.send(Message::text(message.to_string()))).await, Ok(Ok(())))
}

fn closed(frame: Option<CloseFrame>) -> Ended {
    match frame.map(|frame| u16::from(frame.code)) {
        Some(4001 | 4003) => key_refused(),
        Some(4008) => Ended::Refused(Failure::new(
            "all connections of the account are in use: a recording takes one of its 10, and leaves them to the agents",
        )),
        _ => Ended::Lost,
    }
}

fn refused(status: u16) -> Ended {
    match status {
        401 | 403 => key_refused(),
        429 | 500.. => Ended::Lost,
        _ => Ended::Refused(Failure::new(format!(
            "the WebSocket is refused with status {status}: check OPENMAIL_BASE_URL"
        ))),
    }
}

fn key_refused() -> Ended {
    Ended::Refused(Failure::new(
        "the key is refused: check OPENMAIL_API_KEY, and that it belongs to OPENMAIL_BASE_URL",
    ))
}

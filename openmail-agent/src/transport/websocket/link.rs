use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{debug, warn};

use crate::model::Chain;
use crate::wire::frame::{ClientFrame, ServerFrame};

use super::dial::{Dialler, Socket};
use super::session::{Input, Refusal};

/// How long the other side may take to read a frame of a few bytes.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long a close is waited for. It is a courtesy.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

type Dial = Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>;

/// The connection, in whatever state it is.
pub(super) enum Link {
    Down,
    Dialling(Dial),
    Open(Box<Socket>),
}

impl Link {
    pub(super) fn dial(&mut self, dialler: Dialler) {
        *self = Self::Dialling(Box::pin(dialler.dial()));
    }

    /// Waits for what the connection has to say; for ever while it is down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Input {
        match self {
            Self::Down => std::future::pending().await,
            Self::Dialling(dial) => {
                let (link, input) = match dial.await {
                    Ok(socket) => (Self::Open(Box::new(socket)), Input::Connected),
                    Err(error) => (Self::Down, dial_failed(error)),
                };
                *self = link;
                input
            }
            Self::Open(socket) => match socket.next().await {
                Some(Ok(message)) => input(message),
                Some(Err(Error::Capacity(_))) => Input::Oversized,
                Some(Err(error)) => {
                    debug!(%error, "the socket broke");
                    Input::Closed(None)
                }
                None => Input::Closed(None),
            },
        }
    }

    /// Sends a frame. Tells whether it left.
    pub(super) async fn send(&mut self, frame: &ClientFrame) -> bool {
        self.write(Message::text(frame.to_json())).await
    }

    /// Sends a protocol-level ping. Tells whether it left.
    pub(super) async fn ping(&mut self) -> bool {
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> bool {
        let Self::Open(socket) = self else { return false };
        matches!(tokio::time::timeout(WRITE_WITHIN, socket.send(message)).await, Ok(Ok(())))
    }

    pub(super) async fn close(&mut self) {
        if let Self::Open(socket) = std::mem::replace(self, Self::Down) {
            let mut socket = *socket;
            let _ = tokio::time::timeout(CLOSE_WITHIN, socket.close(None)).await;
        }
    }
}

fn input(message: Message) -> Input {
    match message {
        Message::Text(text) => frame(text.as_ref()),
        Message::Binary(bytes) => frame(&bytes),
        Message::Ping(_) => Input::PeerPing,
        Message::Pong(_) => Input::PeerPong,
        Message::Close(frame) => Input::Closed(frame.map(|frame| frame.code.into())),
        Message::Frame(_) => Input::Frame(ServerFrame::Unknown),
    }
}

fn frame(body: &[u8]) -> Input {
    let bytes = body.len();
    // A copy: a slice would keep all of the buffer that the socket reads into, which would then need another.
    let frame = ServerFrame::parse(Bytes::copy_from_slice(body));
    if frame == ServerFrame::Unknown {
        warn!(bytes, "ignored a frame that is neither an event nor an answer");
    }
    Input::Frame(frame)
}

fn dial_failed(error: Error) -> Input {
    match error {
        Error::Http(response) => {
            let status = response.status().as_u16();
            Input::Refused(Refusal { status, retry_after: retry_after(&response) })
        }
        error => {
            warn!(error = %Chain(&error), "the socket cannot be opened");
            Input::ConnectFailed
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

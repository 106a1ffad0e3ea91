use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::RETRY_AFTER;
use http::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig as Limits;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::model::Chain;
use crate::wire::frame::{ClientFrame, ServerFrame};

use super::session::{Input, Refusal};

/// The largest event that is taken.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// How long a connection may take to open, all addresses together: less than the session gives the whole dial.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long the other side may take to read a frame of a few bytes.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long a close is waited for. It is a courtesy.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Dial = Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>;

/// How connections are opened.
#[derive(Debug, Clone)]
pub(super) struct Dialler {
    pub(super) request: Request<()>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
}

/// The connection, in whatever state it is.
pub(super) enum Link {
    Down,
    Dialling(Dial),
    Open(Box<Socket>),
}

impl Dialler {
    async fn dial(self) -> Result<Socket, Error> {
        let stream = self.connect().await?;
        let connector = self.tls.map_or(Connector::Plain, Connector::Rustls);
        let limits = Limits::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let request = self.request.into_client_request()?;
        let (socket, _) =
            client_async_tls_with_config(request, stream, Some(limits), Some(connector)).await?;
        Ok(socket)
    }

    /// Tries both families of addresses, each address for its share of the time: one that leads nowhere does not keep the next from being tried.
    async fn connect(&self) -> Result<TcpStream, Error> {
        let uri = self.request.uri();
        let (host, is_secure) = (uri.host().unwrap_or_default(), self.tls.is_some());
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let address = Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/");
        let address = address.build().map_err(io::Error::other)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let stream = connector.oneshot(address).await.map_err(io::Error::other)?;
        Ok(stream.into_inner())
    }
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
            debug!(error = %Chain(&error), "the socket cannot be opened");
            Input::ConnectFailed
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

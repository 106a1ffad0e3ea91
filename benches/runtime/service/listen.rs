use std::sync::Arc;
use std::time::Instant;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::rest::{self, Sent};
use super::socket::{self, Feed};

/// The service on a port of its own, until it is dropped.
pub(crate) struct Service {
    base_url: String,
    started: mpsc::Receiver<Instant>,
    sent: mpsc::UnboundedReceiver<Sent>,
    _tasks: JoinSet<()>,
}

impl Service {
    /// With so many inboxes, and this to say on the socket.
    pub(crate) async fn start(inboxes: usize, feed: Feed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let addr = listener.local_addr().expect("it is bound");
        let (start, started) = mpsc::channel(1);
        // Bounded by the number of mails that are pushed.
        let (send, sent) = mpsc::unbounded_channel();
        let router = rest::router(inboxes, send);
        let feed = Arc::new(feed);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("the socket takes options");
                connections.spawn(serve(stream, router.clone(), Arc::clone(&feed), start.clone()));
            }
        });
        Self { base_url: format!("http://{addr}"), started, sent, _tasks: tasks }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// When the first event was written.
    pub(crate) async fn started(&mut self) -> Instant {
        self.started.recv().await.expect("the service lives")
    }

    /// The next mail that was sent.
    pub(crate) async fn sent(&mut self) -> Sent {
        self.sent.recv().await.expect("the service lives")
    }
}

async fn serve(stream: TcpStream, router: axum::Router, feed: Arc<Feed>, started: mpsc::Sender<Instant>) {
    let mut start = [0; 10];
    while stream.peek(&mut start).await.is_ok_and(|read| read > 0 && read < start.len()) {}
    if &start == b"GET /v1/ws" {
        socket::serve(stream, &feed, started).await;
        return;
    }
    // Whoever hangs up has what it wanted.
    let _ =
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

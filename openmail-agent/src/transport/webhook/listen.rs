use std::pin::pin;
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Webhook;

/// The most connections that are served at once; more wait to be accepted.
const CONNECTIONS: usize = 512;
/// How long a client may take to send its headers, or be silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long requests under way may take once the listener stops: as long as any may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);
/// How long to let pass when no connection can be accepted, such as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves [the webhook's router](Webhook::router) on this listener until `shutdown`; then answers what is under way, for
/// 15 s at most. A listener that cannot accept at the moment tries again.
///
/// # Cancel safety
///
/// Dropping the future ends every connection at once; what was not answered is sent again by the service.
pub async fn listen(listener: TcpListener, webhook: Webhook, shutdown: CancellationToken) {
    listen_with(listener, webhook, shutdown, std::convert::identity).await;
}

/// As [`listen`], with each connection run the way `run` says, such as in a task of its own. It has ended when what `run`
/// gives back has, and must end when that is dropped.
///
/// # Cancel safety
///
/// As that of [`listen`].
pub async fn listen_with<F>(
    listener: TcpListener,
    webhook: Webhook,
    shutdown: CancellationToken,
    mut run: impl FnMut(BoxFuture<'static, ()>) -> F,
) where
    F: Future<Output = ()>,
{
    webhook.readiness().set_webhook(true);
    let router = webhook.router();
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(()) = connections.next() => {}
            accepted = accept(&listener), if connections.len() < CONNECTIONS => {
                let connection = accepted.map(|stream| serve(stream, router.clone(), shutdown.clone()));
                connections.extend(connection.map(|connection| run(Box::pin(connection))));
            }
        }
    }
    drop(listener);
    webhook.readiness().set_webhook(false);
    let drained = tokio::time::timeout(DRAIN_WITHIN, async { while connections.next().await.is_some() {} });
    if drained.await.is_err() {
        warn!(connections = connections.len(), "webhook connections were cut off");
    }
}

async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn serve(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a webhook connection broke");
    }
}

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Webhook;
use super::places::{Place, Places};

/// The most connections that are served at once; one more takes the place of another.
const CONNECTIONS: usize = 512;
/// How much of a connection is in memory at once, its headers included.
const BUFFER: usize = 64 * 1024;
/// How long a client may take to send its headers, or be silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may stand still: longer than headers may take, and than an answer does. Its client does not read.
const STILL_WITHIN: Duration = Duration::from_secs(20);
/// How long requests under way may take once the listener stops: as long as any may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);
/// How long to let pass when no connection can be accepted, such as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves [the webhook's router](Webhook::router) on this listener until `shutdown`; then answers what is under way, for
/// 15 s at most. A listener that cannot accept at the moment tries again.
///
/// It serves 512 connections at once. One more takes the place of the one that has had its own for longest, counted from when it last
/// brought what is signed; never that of one that has brought what the service signed, before it is answered.
///
/// Each connection is run the way `run` says, such as in a task of its own. It has ended when what `run` gives back has, and must end when
/// that is dropped.
///
/// # Cancel safety
///
/// Dropping the future ends every connection at once; what was not answered is sent again by the service.
pub(crate) async fn listen<F>(
    listener: TcpListener,
    webhook: Webhook,
    shutdown: CancellationToken,
    run: impl FnMut(BoxFuture<'static, ()>) -> F,
) where
    F: Future<Output = ()>,
{
    listen_to(CONNECTIONS, listener, webhook, shutdown, run).await;
}

/// As [`listen`], to so many connections at once.
pub(super) async fn listen_to<F>(
    most: usize,
    listener: TcpListener,
    webhook: Webhook,
    shutdown: CancellationToken,
    mut run: impl FnMut(BoxFuture<'static, ()>) -> F,
) where
    F: Future<Output = ()>,
{
    webhook.readiness().set_webhook(true);
    let router = webhook.router();
    let (mut places, mut connections) = (Places::new(most), FuturesUnordered::new());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(()) = connections.next() => {}
            // With one more than there are places, one is about to end.
            accepted = accept(&listener), if connections.len() <= most => {
                let connection =
                    accepted.map(|stream| serve(stream, places.take(), router.clone(), shutdown.clone()));
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

async fn serve(stream: TcpStream, place: Place, router: Router, shutdown: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), in_place(&place, router));
    let mut connection = pin!(connection);
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    tokio::select! {
        ended = served => if let Err(error) = ended {
            debug!(%error, "a webhook connection broke");
        },
        () = place.given_up() => debug!("a webhook connection gave its place to another"),
        () = place.stands_still(STILL_WITHIN) => debug!("a webhook connection stood still"),
    }
}

/// The router, which is told for whose requests it answers.
fn in_place(
    place: &Place,
    router: Router,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + use<> {
    let (place, router) = (place.clone(), TowerToHyperService::new(router));
    service_fn(move |mut request: Request<Incoming>| {
        place.mark_active();
        request.extensions_mut().insert(place.clone());
        let (place, answer) = (place.clone(), router.call(request));
        async move {
            let answer = answer.await;
            place.mark_active();
            answer
        }
    })
}

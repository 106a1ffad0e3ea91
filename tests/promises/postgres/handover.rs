//! What one process that holds the socket hands over to another.

use std::time::Duration;

use openmail_agent::handler::Mail;
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime, StoreLocation};
use openmail_agent::transport::websocket::SocketState;
use openmail_sandbox::Fault;

use crate::bench::{Bench, soon};

use super::cluster::Place;

/// One of several processes that share a database.
async fn process(bench: &Bench, url: &str) -> RunningRuntime {
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(url));
    let route = Route::new("agent", async |_: Mail| {});
    bench.start_ready(Runtime::new(config).grace(Duration::from_secs(1)).handlers([route])).await
}

async fn is(running: &RunningRuntime, state: SocketState) {
    soon(running.socket().wait_for(|now| *now == state)).await.unwrap();
}

#[tokio::test]
async fn whoever_takes_the_socket_over_is_not_ready_before_the_service_confirms() {
    let Some(place) = Place::shared() else { return };
    let (bench, url) = (Bench::start().await, place.fresh());
    let first = process(&bench, &url).await;
    is(&first, SocketState::Live).await;
    let second = process(&bench, &url).await;
    is(&second, SocketState::Standby).await;
    let frozen = bench.sandbox.fault(Fault::FreezeSockets);
    first.kill().await;
    is(&second, SocketState::Connecting).await;
    soon(async {
        while second.readiness().is_ready() {
            // Readiness rings only for the better.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    bench.sandbox.lift(frozen);
    is(&second, SocketState::Live).await;
    assert!(second.readiness().is_ready());
    second.stop().await.unwrap();
}

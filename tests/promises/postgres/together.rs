use std::time::{Duration, Instant};

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime, StoreLocation};
use openmail_agent::transport::websocket::SocketState;

use crate::bench::{Bench, Seen, soon};

use super::cluster::Place;

/// One of several processes that share a database.
async fn process(bench: &Bench, url: &str, seen: &Seen) -> RunningRuntime {
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(url));
    let saw = seen.clone();
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        async { Reply::text("once") }
    };
    bench.start_ready(Runtime::new(config).handlers([Route::new("agent", handler)])).await
}

fn is(running: &RunningRuntime, state: SocketState) -> bool {
    *running.socket().borrow() == state
}

async fn live(running: &RunningRuntime) {
    soon(running.socket().wait_for(|state| *state == SocketState::Live)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_holds_the_socket_and_another_takes_over_within_ten_seconds() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, seen) = (Bench::start().await, place.fresh(), Seen::default());
    let first = process(&bench, &url, &seen).await;
    live(&first).await;
    let second = process(&bench, &url, &seen).await;
    assert!(is(&second, SocketState::Standby));
    assert!(second.readiness().is_ready(), "it handles what the first one receives");
    bench.deliver("to the first");
    bench.sent(1).await;

    first.kill().await;
    bench.deliver("to nobody");
    let died = Instant::now();
    live(&second).await;
    let took = died.elapsed();
    eprintln!("took over after {took:?}");
    assert!(took <= Duration::from_secs(10), "took over after {took:?}");
    bench.deliver("to the second");
    bench.sent(3).await;
    second.stop().await.unwrap();
    let mut all = seen.all();
    all.sort();
    assert_eq!(all, ["to nobody", "to the first", "to the second"]);
    assert_eq!(bench.sandbox.all_sent().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_hands_the_socket_over_at_once() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, seen) = (Bench::start().await, place.fresh(), Seen::default());
    let first = process(&bench, &url, &seen).await;
    live(&first).await;
    let second = process(&bench, &url, &seen).await;
    soon(first.stop()).await.unwrap();
    live(&second).await;
    second.stop().await.unwrap();
}

use std::time::{Duration, Instant};

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime, StoreLocation};
use openmail_agent::store::WORKER_LIFE;
use openmail_agent::transport::websocket::SocketState;
use openmail_sandbox::{Fault, Operation};

use crate::bench::{Bench, Seen, soon};

use super::cluster::Place;

/// One of several processes that share a database.
async fn process(bench: &Bench, url: &str, seen: &Seen) -> RunningRuntime {
    let saw = seen.clone();
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        async { Reply::text("once") }
    };
    process_with(bench, url, Route::new("agent", handler)).await
}

async fn process_with(bench: &Bench, url: &str, route: Route) -> RunningRuntime {
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(url));
    bench.start_ready(Runtime::new(config).grace(Duration::from_secs(1)).handlers([route])).await
}

/// The service takes a send and says nothing.
fn slow_answer() -> Fault {
    Fault::SlowAnswer { on: Some(Operation::SendEmail), by: Duration::from_secs(60 * 60) }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_had_in_hand_when_it_died_is_taken_over_within_ten_seconds() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, seen) = (Bench::start().await, place.fresh(), Seen::default());
    let saw = seen.clone();
    let stuck = move |mail: Mail| {
        saw.mail(&mail);
        let is_stuck = mail.text() == "handled";
        async move { if is_stuck { std::future::pending().await } else { Reply::text("once") } }
    };
    let first = process_with(&bench, &url, Route::new("agent", stuck)).await;
    bench.sandbox.fault_next(1, slow_answer());
    bench.deliver("answered");
    bench.sent(1).await;
    bench.deliver("handled");
    seen.count(2).await;
    let second = process(&bench, &url, &seen).await;

    first.kill().await;
    let died = Instant::now();
    seen.count(3).await;
    soon(bench.sandbox.wait_for(|world| (world.counts().sends_repeated == 1).then_some(()))).await;
    let took = died.elapsed();
    eprintln!("took over after {took:?}");
    assert!(took <= Duration::from_secs(10), "took over after {took:?}");
    bench.sent(2).await;
    second.stop().await.unwrap();
    assert_eq!(seen.all(), ["answered", "handled", "handled"]);
    assert_eq!(bench.sandbox.all_sent().len(), 2, "under the same key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_does_not_finish_in_time_is_taken_over_at_once_when_it_stops() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, seen) = (Bench::start().await, place.fresh(), Seen::default());
    bench.sandbox.fault_next(1, slow_answer());
    let first = process_with(&bench, &url, Route::new("agent", async |_: Mail| Reply::text("once"))).await;
    bench.deliver("answered");
    bench.sent(1).await;
    let second = process(&bench, &url, &seen).await;
    soon(first.stop()).await.unwrap();
    let stopped = Instant::now();
    soon(bench.sandbox.wait_for(|world| (world.counts().sends_repeated == 1).then_some(()))).await;
    let took = stopped.elapsed();
    assert!(took < WORKER_LIFE / 2, "taken over {took:?} after the stop");
    second.stop().await.unwrap();
}

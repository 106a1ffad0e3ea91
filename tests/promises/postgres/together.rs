use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime, StoreLocation};
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, WORKER_LIFE, WorkerId};
use openmail_agent::transport::websocket::SocketState;
use openmail_sandbox::{Fault, Inbox, Operation};

use crate::bench::{Bench, Gate, Seen, elsewhere, soon};

use super::at;
use super::cluster::Place;
use super::pruning::connect;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_serve_an_inbox_each_leave_each_other_s_mail_alone() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, gate) = (Bench::start().await, place.fresh(), Gate::closed());
    let sales = bench.sandbox.create_inbox("sales");
    let slow = process_of(&bench, &url, &sales, gate.clone()).await;
    let write_to = |inbox: &Inbox, text: &str| {
        let mail = bench.mail("Ada <ada@example.com>", text).to(&inbox.address);
        bench.sandbox.deliver(mail.deliver_to([&inbox.address]))
    };
    let store = PostgresStore::open(&url).await.unwrap();
    for number in 1..=3 {
        write_to(&sales, &format!("to sales, {number}"));
    }
    soon(async {
        while store.census().await.unwrap().waiting < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;

    let open = Gate::closed();
    open.open();
    let quick = process_of(&bench, &url, &bench.inbox, open).await;
    live(&quick).await;
    assert!(is(&slow, SocketState::Live), "each holds a socket of its own");
    for number in 1..=3 {
        write_to(&bench.inbox, &format!("to support, {number}"));
    }
    assert!(bench.sent(3).await.iter().all(|sent| sent.body == format!("from {}", bench.inbox.id)));
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.leased, census.parked), (2, 1, 0), "what sales has waits for sales");
    gate.open();
    let sent = soon(bench.sandbox.wait_for_sent(&sales.id, 3)).await;
    assert!(sent.iter().all(|sent| sent.body == format!("from {}", sales.id)));
    quick.stop().await.unwrap();
    slow.stop().await.unwrap();
    let census = store.census().await.unwrap();
    assert_eq!((census.done, census.parked, census.dead), (6, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_agree_which_service_the_store_belongs_to() {
    let Some(place) = Place::shared() else { return };
    let (bench, url) = (Bench::start().await, place.fresh());
    let store = PostgresStore::open(&url).await.unwrap();
    let locked = Locked::bookmarks(&url).await;
    let starts = (0..6).map(|number| {
        let mut config = bench.config();
        config.store = StoreLocation::Postgres(Secret::new(&url));
        let config = if number % 2 == 0 { config } else { elsewhere(&bench.sandbox, config) };
        let base_url = config.base_url.clone();
        let runtime = Runtime::new(config).handlers([Route::new("agent", async |_: Mail| {})]);
        async move { (base_url, runtime.start().await) }
    });
    let all_have_asked = async {
        locked.asked_by(6).await;
        locked.unlock().await;
    };
    let (starts, ()) = soon(async { tokio::join!(join_all(starts), all_have_asked) }).await;
    let (started, refused): (Vec<_>, Vec<_>) = starts.into_iter().partition(|(_, start)| start.is_ok());
    let services: HashSet<_> = started.iter().map(|(base_url, _)| base_url).collect();
    assert_eq!((started.len(), services.len()), (3, 1), "{services:?}");
    for (_, start) in refused {
        let problems = start.unwrap_err().problems().to_vec();
        assert!(
            matches!(&problems[..], [problem] if problem.contains("was first used with")),
            "{problems:?}"
        );
    }
    assert!(store.bookmark("service").await.unwrap().is_some());
    for (_, running) in started {
        running.unwrap().stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_process_whose_connections_are_all_in_use_is_heard_and_keeps_its_role() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (store, worker) = (PostgresStore::open(&url).await.unwrap(), WorkerId("w".into()));
    let locked = Locked::bookmarks(&url).await;
    let crowd = join_all((0..100).map(|_| store.bookmark("service")));
    let heard = async {
        locked.asked_by(5).await;
        let until = at(7);
        let both = async {
            store.heartbeat(&worker, at(0)).await.unwrap();
            assert!(store.claim("socket", &worker, at(0), until).await.unwrap());
        };
        let heard = tokio::time::timeout(WORKER_LIFE / 2, both).await;
        locked.unlock().await;
        heard.expect("nobody is in front of it");
    };
    let (read, ()) = soon(async { tokio::join!(crowd, heard) }).await;
    assert!(read.iter().all(Result::is_ok));
}

/// A table that nobody can read.
struct Locked {
    client: tokio_postgres::Client,
    table: String,
}

impl Locked {
    async fn bookmarks(url: &str) -> Self {
        let (client, schema) = connect(url).await;
        let table = format!("\"{schema}\".bookmarks");
        client.batch_execute(&format!("BEGIN; LOCK TABLE {table}")).await.unwrap();
        Self { client, table }
    }

    /// Waits until this many are about to read.
    async fn asked_by(&self, readers: i64) {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass";
        while self.client.query_one(waiting, &[&self.table]).await.unwrap().get::<_, i64>(0) < readers {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets them read.
    async fn unlock(self) {
        self.client.batch_execute("COMMIT").await.unwrap();
    }
}

/// A process that serves one inbox, one mail at a time, once the gate is open; it says which inbox it serves.
async fn process_of(bench: &Bench, url: &str, inbox: &Inbox, gate: Gate) -> RunningRuntime {
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(url));
    config.inbox = Some(inbox.id.clone());
    let words = format!("from {}", inbox.id);
    let handler = move |_: Mail| {
        let (gate, words) = (gate.clone(), words.clone());
        async move {
            gate.pass().await;
            Reply::text(words)
        }
    };
    let runtime = Runtime::new(config).concurrency(1).concurrency_per_inbox(8).grace(Duration::from_secs(1));
    bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await
}

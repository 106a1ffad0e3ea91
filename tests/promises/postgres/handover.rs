//! Who holds the socket and hears nothing over it lets others try.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use openmail_agent::handler::Mail;
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime, StoreLocation};
use openmail_agent::transport::websocket::SocketState;
use openmail_sandbox::Fault;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bench::{Bench, soon};

use super::cluster::Place;
use super::pruning::connect;

/// A process's way to the service, which can be cut: what was open ends, and what is new waits.
struct Way {
    addr: SocketAddr,
    open: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl Way {
    async fn to(bench: &Bench) -> Self {
        let service = bench.sandbox.base_url().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, open) = (listener.local_addr().unwrap(), watch::Sender::new(true));
        let (gate, mut task) = (open.subscribe(), JoinSet::new());
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass_on(client, service.clone(), gate.clone()));
            }
        });
        Self { addr, open, _task: task }
    }

    fn cut(&self) {
        self.open.send_replace(false);
    }

    fn mend(&self) {
        self.open.send_replace(true);
    }
}

async fn pass_on(mut client: TcpStream, service: String, mut gate: watch::Receiver<bool>) {
    let _ = gate.wait_for(|open| *open).await;
    let mut server = TcpStream::connect(service).await.unwrap();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = gate.wait_for(|open| !*open) => {}
    }
}

/// One of several processes that share a database, and reaches the service over a way of its own.
async fn process(bench: &Bench, url: &str, way: Option<&Way>) -> RunningRuntime {
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(url));
    if let Some(way) = way {
        config.base_url = format!("http://{}", way.addr);
    }
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
    let first = process(&bench, &url, None).await;
    is(&first, SocketState::Live).await;
    let second = process(&bench, &url, None).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_cannot_reach_the_service_leaves_the_socket_to_another() {
    let Some(place) = Place::shared() else { return };
    let (bench, url) = (Bench::start().await, place.fresh());
    let way = Way::to(&bench).await;
    let first = process(&bench, &url, Some(&way)).await;
    is(&first, SocketState::Live).await;
    let second = process(&bench, &url, None).await;
    is(&second, SocketState::Standby).await;

    way.cut();
    let died = Instant::now();
    is(&second, SocketState::Live).await;
    eprintln!("took over after {:?}", died.elapsed());
    assert!(died.elapsed() <= Duration::from_secs(30), "took over after {:?}", died.elapsed());
    is(&first, SocketState::Standby).await;

    way.mend();
    second.stop().await.unwrap();
    is(&first, SocketState::Live).await;
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_nobody_takes_the_socket_from_keeps_trying() {
    let Some(place) = Place::shared() else { return };
    let (bench, url) = (Bench::start().await, place.fresh());
    let way = Way::to(&bench).await;
    let only = process(&bench, &url, Some(&way)).await;
    is(&only, SocketState::Live).await;
    let (operator, schema) = connect(&url).await;
    let claims = async |count: i64| {
        let sql = format!("SELECT count(*) FROM {schema}.claims");
        soon(async {
            while operator.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0) != count {
                // A table does not ring.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    };
    claims(1).await;
    way.cut();
    claims(0).await;
    claims(1).await;
    way.mend();
    is(&only, SocketState::Live).await;
    only.stop().await.unwrap();
}

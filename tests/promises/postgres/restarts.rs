use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Runtime, StoreLocation};
use openmail_agent::store::{Bookmark, Store, StoreErrorKind};
use openmail_sandbox::{Fault, WebhookOutcome};
use tokio_postgres::Client;

use crate::bench::{Bench, Gate, Seen, soon};

use super::cluster::Place;
use super::pruning::connect;
use super::{mail, processes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_crashes() {
    let Some(place) = Place::own() else { return };
    let stores = processes(&place.fresh(), 2).await;
    let acknowledged = AtomicUsize::new(0);
    let record = async {
        for n in 0..600 {
            let bookmark = Some(Bookmark::new("socket", n.to_string()));
            // As the intake does: the same again until it is taken.
            while let Err(error) =
                stores[0].record(vec![mail(&n.to_string(), "i", &n.to_string(), n)], bookmark.clone()).await
            {
                assert_eq!(*error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    };
    let crash = async {
        for at in [100, 300] {
            while acknowledged.load(Ordering::SeqCst) < at {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::task::block_in_place(|| place.restart());
        }
    };
    soon(async { tokio::join!(record, crash) }).await;
    assert_eq!(stores[1].census().await.unwrap().waiting, 600);
    assert_eq!(stores[1].bookmark("socket").await.unwrap().as_deref(), Some("599"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_makes_the_store_unavailable_and_comes_back() {
    let Some(place) = Place::own() else { return };
    let stores = processes(&place.fresh(), 1).await;
    stores[0].record(vec![mail("1", "i", "a", 0)], None).await.unwrap();
    place.stop();
    let error = soon(stores[0].census()).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    place.start();
    assert_eq!(soon(stores[0].census()).await.unwrap().waiting, 1);
}

#[tokio::test]
async fn a_server_that_may_only_be_read_is_not_asked() {
    let Some(place) = Place::own() else { return };
    let url = place.fresh();
    let (store, (operator, _)) = (processes(&url, 1).await.remove(0), connect(&url).await);
    fail_over(&operator).await;
    let error = soon(store.census()).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    let error = soon(store.census()).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unavailable, "what it says may be old: {error:?}");
    come_back(&operator).await;
    soon(store.record(vec![mail("1", "i", "a", 0)], None)).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_turns_out_to_be_read_only_is_not_kept() {
    let Some(place) = Place::own() else { return };
    let url = place.fresh();
    let operator = connect(&url).await.0;
    let url = url.replace("?", "?target_session_attrs=any&");
    let store = processes(&url, 1).await.remove(0);
    fail_over(&operator).await;
    // What was cut off is noticed by whoever uses it next.
    soon(async { while store.census().await.is_err() {} }).await;
    let error = soon(store.record(vec![mail("1", "i", "a", 0)], None)).await.unwrap_err();
    assert!(format!("{error:?}").contains("25006"), "{error:?}");
    come_back(&operator).await;
    soon(store.record(vec![mail("1", "i", "a", 0)], None)).await.unwrap();
}

/// The server is the old one from now on: whoever is connected is cut off, and finds it well and not to be written to.
async fn fail_over(operator: &Client) {
    let sql = "ALTER DATABASE postgres SET default_transaction_read_only = on;
               SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    operator.batch_execute(sql).await.unwrap();
}

/// The same address leads to a server again that may be written to.
async fn come_back(operator: &Client) {
    operator.batch_execute("ALTER DATABASE postgres RESET default_transaction_read_only").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_processes_have_in_hand_stays_their_own_while_the_server_is_away() {
    let Some(place) = Place::own() else { return };
    let (bench, url, gate, seen) = (Bench::start().await, place.fresh(), Gate::closed(), Seen::default());
    let process = async |at_once| {
        let mut config = bench.config();
        config.store = StoreLocation::Postgres(Secret::new(&url));
        let (gate, seen) = (gate.clone(), seen.clone());
        let handler = move |mail: Mail| {
            seen.mail(&mail);
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Reply::text("once")
            }
        };
        let runtime =
            Runtime::new(config).clock(bench.clock.clone()).concurrency(at_once).concurrency_per_inbox(8);
        bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await
    };
    let first = process(2).await;
    bench.deliver("1");
    bench.deliver("2");
    seen.count(2).await;
    // The one has its hands full, the other has not.
    let second = process(8).await;
    bench.deliver("3");
    bench.deliver("4");
    advance_until_seen(&bench, &seen, 4).await;

    place.stop();
    bench.advance(Duration::from_secs(60));
    place.start();
    let (operator, schema) = connect(&url).await;
    for _ in 0..20 {
        bench.advance(Duration::from_secs(1));
        until_both_are_heard(&operator, &schema, &bench).await;
    }
    gate.open();
    bench.advance_until(|| bench.sandbox.all_sent().len() == 4).await;
    let mut all = seen.all();
    all.sort();
    assert_eq!(all, ["1", "2", "3", "4"]);
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

async fn advance_until_seen(bench: &Bench, seen: &Seen, count: usize) {
    soon(async {
        while seen.all().len() < count {
            bench.advance(Duration::from_millis(100));
            // Lets the one that is not told of mail look for it.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Time that is moved by hand must not outrun the processes.
async fn until_both_are_heard(operator: &Client, schema: &str, bench: &Bench) {
    let sql = format!("SELECT count(*) FROM {schema}.workers WHERE lapses_at >= $1");
    let lapse = bench.clock.now().as_millisecond() + 5_000;
    let heard = async {
        while operator.query_one(&sql, &[&lapse]).await.unwrap().get::<_, i64>(0) < 2 {
            // A table does not ring.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // One that was answered late is not to be heard before the next second.
    let _ = tokio::time::timeout(Duration::from_secs(1), heard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_for_a_while_costs_no_mail_and_no_restart() {
    let Some(place) = Place::own() else { return };
    let bench = Bench::start().await;
    let (runtime, _) = bench.runtime_with_webhook_on(StoreLocation::Postgres(Secret::new(&place.fresh())));
    let echo = Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())));
    let running = bench.start_ready(runtime.handlers([echo])).await;
    bench.tell_the_webhook_of(&running);
    bench.deliver("before");
    bench.sent(1).await;

    place.stop();
    bench.deliver("by socket");
    let refused = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    soon(async {
        while running.readiness().is_ready() {
            // Readiness rings only for the better.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    bench.sandbox.drop_sockets();
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
    bench.deliver("by webhook");
    let attempt = |number: usize| {
        bench.sandbox.wait_for(move |world| world.webhook_attempts().get(number - 1).map(|at| at.outcome))
    };
    assert_eq!(soon(attempt(1)).await, WebhookOutcome::Answered(503));
    let probe = format!("http://{}/readyz", running.webhook_addr().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.get(&probe).send().await.unwrap().status(), 503);

    place.start();
    soon(running.ready()).await.unwrap();
    assert_eq!(http.get(&probe).send().await.unwrap().status(), 200);
    bench.sandbox.advance(Duration::from_secs(30));
    assert_eq!(soon(attempt(2)).await, WebhookOutcome::Answered(200));
    bench.sandbox.lift(refused);
    bench.sent(3).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 3);
    bench.assert_well_spoken();
}

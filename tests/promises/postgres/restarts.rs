use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::StoreLocation;
use openmail_agent::store::{Bookmark, ErrorKind, Store};
use openmail_sandbox::{Fault, WebhookOutcome};

use crate::bench::{Bench, soon};

use super::cluster::Place;
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
                assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error:?}");
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
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error:?}");
    place.start();
    assert_eq!(soon(stores[0].census()).await.unwrap().waiting, 1);
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

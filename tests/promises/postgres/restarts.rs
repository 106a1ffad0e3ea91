use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openmail_agent::store::{Bookmark, ErrorKind, Store};

use crate::bench::soon;

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

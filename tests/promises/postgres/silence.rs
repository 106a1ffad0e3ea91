//! Connections that stand while nothing is heard over them: a pooler keeps them, and its server is gone.

use std::time::Duration;

use futures_util::future::join_all;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, StoreErrorKind};
use tokio::time;

use crate::bench::soon;

use super::cluster::Place;
use super::proxy::Proxy;
use super::{lease_request, mail};

#[tokio::test]
async fn a_server_that_says_nothing_any_more_is_not_waited_for_without_end() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    // Over several connections, each of which is as dead as the others.
    join_all((0..5).map(|_| store.census())).await.into_iter().for_each(|census| assert!(census.is_ok()));
    let first = || vec![mail("1", "i", "a", 0)];

    proxy.fall_silent();
    time::pause();
    let lost = time::timeout(Duration::from_secs(60), store.record(first(), None)).await;
    time::resume();
    assert_eq!(*lost.expect("no wait without end").unwrap_err().kind(), StoreErrorKind::Unavailable);
    soon(store.record(first(), None)).await.unwrap();
    assert_eq!(soon(store.census()).await.unwrap().waiting, 1);
}

#[tokio::test]
async fn a_connection_that_was_left_in_the_middle_of_a_statement_is_not_used_again() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    proxy.fall_silent();
    let left = time::timeout(Duration::from_millis(50), store.census()).await;
    left.expect_err("nobody answers");
    soon(store.census()).await.unwrap();
}

#[tokio::test]
async fn what_was_taken_by_a_commit_that_is_never_heard_of_is_given_back() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();

    proxy.silence_next_commit();
    let lost = {
        let lease = store.lease(lease_request("w", 0, 10));
        tokio::pin!(lease);
        tokio::select! {
            _ = &mut lease => unreachable!("nobody answers"),
            () = proxy.kept_silent() => {}
        }
        time::pause();
        let lost = time::timeout(Duration::from_secs(60), lease).await.expect("no wait without end");
        time::resume();
        lost
    };
    assert_eq!(*lost.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.census().await.unwrap().leased, 1, "it was committed");
    let leased = store.lease(lease_request("w", 1, 10)).await.unwrap().events;
    assert_eq!((leased.len(), leased[0].attempt), (1, 1));
}

#[tokio::test]
async fn what_was_taken_for_somebody_who_has_gone_away_is_given_back() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();

    proxy.silence_next_commit();
    tokio::select! {
        _ = store.lease(lease_request("w", 0, 10)) => unreachable!("nobody answers"),
        () = proxy.kept_silent() => {}
    }
    assert_eq!(soon(store.census()).await.unwrap().leased, 1, "it was committed");
    let leased = soon(store.lease(lease_request("w", 1, 10))).await.unwrap().events;
    assert_eq!((leased.len(), leased[0].attempt), (1, 1));
}

//! A connection that is lost while the server commits: the answer never comes, and what was taken is taken.

use openmail_agent::limit::Quotas;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, StoreErrorKind};

use crate::bench::soon;

use super::cluster::Place;
use super::proxy::Proxy;
use super::{at, lease_request, mail, owe, reply, reserve_request};

#[tokio::test]
async fn what_was_taken_without_an_answer_is_given_back() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    owe(&store, vec![reply("k", "i", "t")]).await;
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();

    proxy.cut_next_commit();
    let error = soon(store.lease(lease_request("w", 0, 10))).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.census().await.unwrap().leased, 1, "it was committed");
    // However long it took to see the failure: a machine may sleep meanwhile.
    let leased = store.lease(lease_request("w", 61, 10)).await.unwrap().events;
    assert_eq!((leased.len(), leased[0].attempt), (1, 1));

    proxy.cut_next_commit();
    soon(store.reserve(reserve_request("w", 61, 10))).await.unwrap_err();
    let left = async || store.allowance(&"i".into(), &Quotas::default(), at(122)).await.unwrap().minute;
    assert_eq!(left().await, 9, "it was committed");
    let reserved = store.reserve(reserve_request("w", 122, 10)).await.unwrap().sends;
    assert_eq!((reserved.len(), reserved[0].attempt, reserved[0].first_attempt_at), (1, 1, at(122)));
    assert_eq!(left().await, 9, "it takes one slot");
}

#[tokio::test]
async fn the_slots_of_what_is_given_back_are_free_at_once() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap();
    owe(&store, vec![reply("1", "i", "t"), reply("2", "i", "u")]).await;
    let one_a_day = |now| {
        let mut request = reserve_request("w", now, 10);
        request.quotas = Quotas::new(10, 1);
        request
    };

    proxy.cut_next_commit();
    soon(store.reserve(one_a_day(1))).await.unwrap_err();
    let reserved = store.reserve(one_a_day(2)).await.unwrap().sends;
    assert_eq!(reserved.len(), 1, "the inbox need not wait for tomorrow");
}

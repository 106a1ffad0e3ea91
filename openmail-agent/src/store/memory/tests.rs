use std::sync::Arc;

use crate::store::conformance::fixture::{ids, lease, lease_one, mail, record, settle, settlement};
use crate::store::{ErrorKind, Outcome, Store, conformance};

use super::MemoryStore;

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn a_lease_that_ran_out_is_good_until_somebody_takes_the_event() {
    let store = MemoryStore::new();
    record(&store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2)]).await;
    let late = lease_one(&store, 0).await;
    assert!(store.lease(conformance::fixture::lease_request(60, 0)).await.unwrap().events.is_empty());
    assert_eq!(store.census().await.unwrap().leased, 0, "it is known to have run out");
    let refused = store.extend(&late.lease, conformance::fixture::at(99)).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::LeaseLost);
    settle(&store, &late, Outcome::Done, 61).await;
    let next = lease(&store, 62, 10).await;
    assert_eq!(ids(&next), ["2"]);
    let twice = store.settle(settlement(&late.lease, Outcome::Done, 63)).await.unwrap_err();
    assert_eq!(*twice.kind(), ErrorKind::LeaseLost);
}

use std::sync::Arc;

use openmail_agent::async_trait::async_trait;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{EventOutcome, Settlement, Store, WorkerId, conformance};

use super::cluster::Place;
use super::pruning::connect;
use super::{at, lease_request, mail};
use crate::documents::advice_on_dead_letters;

#[tokio::test]
async fn the_store_in_postgres_keeps_the_contract() {
    let Some(place) = Place::shared() else { return };
    conformance::run(async || Arc::new(PostgresStore::open(&place.fresh()).await.unwrap()) as Arc<dyn Store>)
        .await;
}

struct Schema(String);

#[async_trait]
impl conformance::Backend for Schema {
    /// Unlike the owner of a file, a new process does not know that those before it are gone; this one is told, a second
    /// after the beginning.
    async fn open(&self) -> Arc<dyn Store> {
        let store = PostgresStore::open(&self.0).await.unwrap();
        store.retire(&WorkerId("w".into()), super::at(1)).await.unwrap();
        Arc::new(store)
    }
}

#[tokio::test]
async fn the_store_in_postgres_keeps_the_contract_over_restarts() {
    let Some(place) = Place::shared() else { return };
    conformance::run_reopen(|| Schema(place.fresh())).await;
}

#[tokio::test]
async fn a_dead_letter_is_handled_once_the_advice_was_taken() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let store = PostgresStore::open(&url).await.unwrap();
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();
    let leased = store.lease(lease_request("w", 1, 1)).await.unwrap().events.remove(0);
    let outcome = EventOutcome::Dead { error: "the shelf is empty".into() };
    store.settle(Settlement::new(leased.lease, outcome, at(1))).await.unwrap();
    assert!(store.lease(lease_request("w", 2, 1)).await.unwrap().events.is_empty());

    let (client, schema) = connect(&url).await;
    let advice = advice_on_dead_letters(leased.event.event_id.as_str());
    client.batch_execute(&format!("SET search_path = {schema}; {advice}")).await.unwrap();
    let again = store.lease(lease_request("w", 3, 1)).await.unwrap().events;
    assert_eq!((again.len(), again[0].attempt), (1, 1));
}

use std::sync::Arc;

use async_trait::async_trait;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, WorkerId, conformance};

use super::cluster::Place;

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

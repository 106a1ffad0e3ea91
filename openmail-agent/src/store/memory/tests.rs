use std::sync::Arc;

use crate::store::{Store, conformance};

use super::MemoryStore;

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

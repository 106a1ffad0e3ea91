use std::sync::Arc;

use crate::store::conformance::fixture::{owe, reply, reserve, send_one};
use crate::store::{Store, conformance};

use super::MemoryStore;

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn a_clock_that_is_set_right_holds_up_no_replies() {
    let store = MemoryStore::new();
    let sends = (0..22).map(|n| reply(&n.to_string(), "i", &n.to_string()));
    owe(&store, 7_200, sends.collect()).await;
    for n in 0..11 {
        send_one(&store, 7_200 + 100 * n).await;
    }
    assert!(reserve(&store, 100, 20).await.sends.is_empty(), "they may have left just now");
    assert_eq!(reserve(&store, 160, 20).await.sends.len(), 10);
}

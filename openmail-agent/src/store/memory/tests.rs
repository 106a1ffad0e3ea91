use std::sync::Arc;

use crate::store::conformance::fixture::{answer, at, lost, owe, reply, reserve, reserve_one, send_one};
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

#[tokio::test]
async fn a_key_is_as_old_as_a_clock_was_ahead_that_ran_on_for_long() {
    let store = MemoryStore::new();
    owe(&store, 0, vec![reply("k", "i", "t")]).await;
    answer(&store, &reserve_one(&store, 3_600).await, lost(3_700), 3_600).await;
    assert!(reserve(&store, 3_650, 10).await.sends.is_empty());
    // An hour later it is set back by ten minutes: the first attempt lies in the past by then.
    answer(&store, &reserve_one(&store, 7_200).await, lost(7_300), 7_200).await;
    assert!(reserve(&store, 6_600, 10).await.sends.is_empty());
    assert_eq!(reserve_one(&store, 6_700).await.first_attempt_at, at(3_000));
}

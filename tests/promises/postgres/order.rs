use openmail_agent::store::{EventOutcome, SendOutcome, SendSettlement, Settlement, Store};

use super::cluster::Place;
use super::pruning::connect;
use super::{at, lease_request, mail, processes, reply, reserve_request};

#[tokio::test]
async fn the_replies_in_a_thread_keep_their_order_where_each_connection_has_numbers_of_its_own() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let stores = processes(&url.replace("schema=", "max_connections=1&schema="), 2).await;
    let (client, schema) = connect(&url).await;
    client.batch_execute(&format!("ALTER SEQUENCE {schema}.sends_seq_seq CACHE 100")).await.unwrap();
    for (n, store) in [0, 1, 0, 1].map(|n| &stores[n]).into_iter().enumerate() {
        let now = n as i64;
        store.record(vec![mail(&n.to_string(), "i", "t", now)], None).await.unwrap();
        let leased = store.lease(lease_request("w", now, 1)).await.unwrap().events.remove(0);
        let mut settlement = Settlement::new(leased.lease, EventOutcome::Done, at(now));
        settlement.sends = ["first", "second"].map(|part| reply(&format!("{n}, {part}"), "i", "t")).into();
        store.settle(settlement).await.unwrap();
    }

    let mut order = Vec::new();
    while let Some(reserved) = stores[0].reserve(reserve_request("w", 10, 10)).await.unwrap().sends.pop() {
        order.push(reserved.send.key.to_string());
        let outcome = SendOutcome::Sent { message_id: None, thread_id: None };
        let settlement = SendSettlement::new(reserved.seq, reserved.fence, outcome, at(10));
        stores[1].settle_send(settlement).await.unwrap();
    }
    let settled: Vec<_> = (0..4).flat_map(|n| [format!("{n}, first"), format!("{n}, second")]).collect();
    assert_eq!(order, settled);
}

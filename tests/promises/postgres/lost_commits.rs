//! A database that fails over and comes back without its latest commits: it says that a process has what that one has settled.

use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::limit::Quotas;
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Runtime, StoreLocation};
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{
    EventOutcome, Lease, Reservation, SendOutcome, SendSettlement, SendState, Settlement, Store, WorkerId,
};
use tokio_postgres::Client;

use crate::bench::{Bench, Seen, soon};

use super::cluster::Place;
use super::pruning::connect;
use super::{at, lease_request, mail, owe, reply, reserve_request};

/// The rows as they are without the latest commit.
struct Replica(Client);

impl Replica {
    async fn of(url: &str) -> Self {
        let (client, schema) = connect(url).await;
        client.batch_execute(&format!("SET search_path TO {schema}")).await.unwrap();
        Self(client)
    }

    /// Loses that a lease of this worker was settled.
    async fn lose_end_of(&self, lease: &Lease, worker: &str) {
        let sql = "UPDATE events SET state = 'leased', leased_by = $1, fence = $2, finished_at = NULL WHERE seq = $3";
        assert_eq!(self.0.execute(sql, &[&worker, &lease.fence, &lease.seq.0]).await.unwrap(), 1);
    }

    /// Loses that a reservation of this worker was settled.
    async fn lose_answer_to(&self, send: &Reservation, worker: &str) {
        let sql = "UPDATE sends SET state = 'reserved', reserved_by = $1, fence = $2, finished_at = NULL WHERE seq = $3";
        assert_eq!(self.0.execute(sql, &[&worker, &send.fence, &send.seq.0]).await.unwrap(), 1);
        let sql = "UPDATE ledger SET completed_at = NULL WHERE slot = $1";
        assert_eq!(self.0.execute(sql, &[&send.fence]).await.unwrap(), 1);
    }
}

fn sent() -> SendOutcome {
    SendOutcome::Sent { message_id: Some("msg".into()), thread_id: None }
}

#[tokio::test]
async fn an_event_whose_end_was_lost_is_handled_again_within_a_minute() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (store, replica) = (PostgresStore::open(&url).await.unwrap(), Replica::of(&url).await);
    let mails = [("1", "a"), ("2", "b"), ("3", "c")].map(|(id, lane)| mail(id, "i", lane, 0));
    store.record(mails.to_vec(), None).await.unwrap();
    let mut leased = store.lease(lease_request("w", 0, 10)).await.unwrap().events;
    let (lost, kept, in_hand) = (leased.remove(0), leased.remove(0), leased.remove(0));
    for leased in [&lost, &kept] {
        let settlement = Settlement::new(leased.lease.clone(), EventOutcome::Done, at(1));
        store.settle(settlement).await.unwrap();
    }
    store.record(vec![mail("4", "i", "a", 1)], None).await.unwrap();
    replica.lose_end_of(&lost.lease, "w").await;

    // Whoever is alive keeps what it has, as far as anybody else can tell.
    let other = PostgresStore::open(&url).await.unwrap();
    for now in (0..60).step_by(2) {
        for (store, name) in [(&store, "w"), (&other, "other")] {
            store.heartbeat(&WorkerId(name.into()), at(now)).await.unwrap();
        }
    }
    for (store, name) in [(&store, "w"), (&other, "other")] {
        assert!(store.lease(lease_request(name, 59, 10)).await.unwrap().events.is_empty());
    }
    let again = store.lease(lease_request("w", 60, 10)).await.unwrap().events;
    assert_eq!((again.len(), again[0].lease.seq, again[0].attempt), (1, lost.lease.seq, 2));
    for lease in [&again[0].lease, &in_hand.lease] {
        store.settle(Settlement::new(lease.clone(), EventOutcome::Done, at(61))).await.unwrap();
    }
    let next = store.lease(lease_request("w", 62, 10)).await.unwrap().events;
    assert_eq!(next[0].event.event_id.as_str(), "evt_4", "its lane goes on");
}

#[tokio::test]
async fn a_send_whose_answer_was_lost_is_attempted_again_within_a_minute() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (store, replica) = (PostgresStore::open(&url).await.unwrap(), Replica::of(&url).await);
    owe(&store, vec![reply("k", "i", "t"), reply("next", "i", "t"), reply("in hand", "i", "u")]).await;
    let mut reserved = store.reserve(reserve_request("w", 0, 10)).await.unwrap().sends;
    let (lost, in_hand) = (reserved.remove(0), reserved.remove(0));
    store.settle_send(SendSettlement::new(lost.seq, lost.fence, sent(), at(1))).await.unwrap();
    replica.lose_answer_to(&lost, "w").await;

    assert!(store.reserve(reserve_request("w", 59, 10)).await.unwrap().sends.is_empty());
    let again = store.reserve(reserve_request("w", 60, 10)).await.unwrap().sends;
    assert_eq!((again.len(), again[0].seq, again[0].attempt), (1, lost.seq, 2));
    assert_eq!(again[0].first_attempt_at, at(0), "the life of its key goes on");
    let left = store.allowance(&"i".into(), &Quotas::default(), at(60)).await.unwrap();
    assert_eq!(left.minute, 7, "what may have left counts");
    for send in [&again[0], &in_hand] {
        store.settle_send(SendSettlement::new(send.seq, send.fence, sent(), at(61))).await.unwrap();
    }
    let next = store.reserve(reserve_request("w", 62, 10)).await.unwrap().sends;
    assert_eq!(next[0].send.key.as_str(), "next", "its thread goes on");
}

#[tokio::test]
async fn after_a_failure_nobody_waits_for_the_minute() {
    let Some(place) = Place::own() else { return };
    let url = place.fresh();
    let store = PostgresStore::open(&url).await.unwrap();
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();
    let leased = store.lease(lease_request("w", 0, 10)).await.unwrap().events.remove(0);
    store.settle(Settlement::new(leased.lease.clone(), EventOutcome::Done, at(1))).await.unwrap();
    place.stop();
    soon(store.lease(lease_request("w", 2, 10))).await.unwrap_err();
    place.start();
    Replica::of(&url).await.lose_end_of(&leased.lease, "w").await;
    let again = soon(store.lease(lease_request("w", 3, 10))).await.unwrap().events;
    assert_eq!((again.len(), again[0].attempt), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_handles_and_sends_again_what_the_database_has_lost_without_a_restart() {
    let Some(place) = Place::shared() else { return };
    let (bench, url, seen) = (Bench::start().await, place.fresh(), Seen::default());
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(&url));
    let saw = seen.clone();
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        async { Reply::text("once") }
    };
    let runtime = Runtime::new(config).clock(bench.clock.clone());
    let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
    bench.deliver("hello");
    bench.sent(1).await;
    let store = PostgresStore::open(&url).await.unwrap();
    let is_settled = async || {
        let census = store.census().await.unwrap();
        (census.done, census.sent) == (1, 1)
    };
    let all_settle = async || {
        while !is_settled().await {
            // A table does not ring.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(all_settle()).await;

    let replica = Replica::of(&url).await.0;
    let lose = "
        UPDATE events SET state = 'leased', fence = nextval('fences'), leased_by = (SELECT worker FROM workers);
        UPDATE sends SET state = 'reserved', fence = nextval('fences'), reserved_by = (SELECT worker FROM workers)";
    replica.batch_execute(lose).await.unwrap();
    assert!(!is_settled().await);
    let began = bench.clock.now();
    bench.advance_until(|| seen.all().len() == 2 && bench.sandbox.counts().sends_repeated == 1).await;
    let took = bench.clock.now().duration_since(began);
    assert!(took.as_secs() <= 75, "{took:?}");
    soon(all_settle()).await;
    assert_eq!(bench.sandbox.all_sent().len(), 1, "under the same key");
    let key = replica.query_one("SELECT key FROM sends", &[]).await.unwrap().get::<_, String>(0);
    assert!(matches!(store.send_state(&key.into()).await.unwrap(), Some(SendState::Sent { .. })));
    running.stop().await.unwrap();
}

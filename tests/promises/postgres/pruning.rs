use std::collections::BTreeMap;
use std::sync::Arc;

use openmail_agent::limit::Quotas;
use openmail_agent::model::OutgoingAttachment;
use openmail_agent::store::{
    EventOutcome, Leased, Note, NoteScope, SendOutcome, SendSettlement, Settlement, Store,
};
use tokio_postgres::{Client, NoTls};

use super::cluster::Place;
use super::{at, lease_request, mail, processes, reply, reserve_request};

/// What stays on purpose: no more of it than there are conversations, inboxes, processes and the like.
const KEPT: [&str; 7] = ["bookmarks", "claims", "holds", "inboxes", "thread_notes", "turns", "workers"];

#[tokio::test]
async fn what_is_forgotten_leaves_nothing_behind_in_any_table() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let store = processes(&url, 1).await.remove(0);
    for number in 0..120 {
        let arrived = mail(&number.to_string(), "i", &number.to_string(), 0);
        let mut again = arrived.clone();
        Arc::make_mut(&mut again).event_id = format!("evt_again_{number}").into();
        store.record(vec![arrived, again], None).await.unwrap();
    }
    let leased = store.lease(lease_request("w", 0, 1_000)).await.unwrap().events;
    assert_eq!(leased.len(), 120);
    for (number, leased) in leased.into_iter().enumerate() {
        finish(&*store, leased, number).await;
    }
    send_all(&*store).await;
    let (client, schema) = connect(&url).await;
    let before = rows(&client, &schema).await;
    for table in ["events", "event_names", "step_notes", "sends", "attachments", "ledger"] {
        assert!(before[table] >= 100, "{before:?}");
    }

    // Much later, with hardly anything kept, and what was set aside twice as long.
    while store.prune(at(200_000), at(200_010), 50).await.unwrap() > 0 {}
    let mut left = rows(&client, &schema).await;
    left.retain(|table, rows| *rows > 0 && !KEPT.contains(&table.as_str()) && table != "schema_version");
    assert!(left.is_empty(), "{left:?}");
}

/// Ends in each of the ways there are, with sends, notes and files.
async fn finish(store: &dyn Store, leased: Leased, number: usize) {
    let id = leased.event.event_id.as_str();
    for scope in [
        NoteScope::Step { seq: leased.lease.seq, name: "model".into() },
        NoteScope::Thread { thread_id: "t".into(), name: "topic".into() },
    ] {
        store.remember(&leased.lease, Note::new(scope, "1")).await.unwrap();
    }
    let mut sent = reply(&format!("sent {id}"), "i", &format!("thread {id}"));
    sent.draft.attachments.push(OutgoingAttachment::new("a.bin", "application/octet-stream", &b"x"[..]));
    let mut stopped = reply(&format!("stopped {id}"), "i", &format!("thread {id}"));
    stopped.stopped = Some("a loop".into());
    let outcome = match number % 3 {
        0 => EventOutcome::Parked { reason: "spam".into() },
        1 => EventOutcome::Dead { error: "gave up".into() },
        _ => EventOutcome::Done,
    };
    let mut settlement = Settlement::new(leased.lease, outcome, at(1));
    settlement.sends = vec![sent, stopped];
    store.settle(settlement).await.unwrap();
}

async fn send_all(store: &dyn Store) {
    let mut request = reserve_request("w", 2, 1_000);
    request.quotas = Quotas::new(1_000, 1_000);
    let reserved = store.reserve(request).await.unwrap().sends;
    assert_eq!(reserved.len(), 120);
    for send in reserved {
        let outcome = SendOutcome::Sent { message_id: None, thread_id: None };
        store.settle_send(SendSettlement::new(send.seq, send.fence, outcome, at(3))).await.unwrap();
    }
}

/// A look past the store, at the schema that the URL names.
pub(super) async fn connect(url: &str) -> (Client, String) {
    let (server, schema) = url.split_once("schema=").expect("the URL names a schema");
    let (client, connection) =
        tokio_postgres::connect(server.trim_end_matches(['?', '&']), NoTls).await.unwrap();
    tokio::spawn(connection);
    (client, schema.to_owned())
}

async fn rows(client: &Client, schema: &str) -> BTreeMap<String, i64> {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1";
    let mut rows = BTreeMap::new();
    for table in client.query(tables, &[&schema]).await.unwrap() {
        let table: String = table.get(0);
        let count = format!("SELECT count(*) FROM \"{schema}\".\"{table}\"");
        rows.insert(table, client.query_one(&count, &[]).await.unwrap().get(0));
    }
    rows
}

//! The schema: how it comes about, from every state that a start may find, and what the database must be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, StoreErrorKind};
use tokio_postgres::Client;

use crate::bench::soon;

use super::cluster::Place;
use super::pruning::connect;
use super::{lease_request, owe, reply, reserve_request};

/// The scripts that bring a schema from each version to the next, as the store has them.
fn scripts() -> Vec<String> {
    let text = |name: &str| std::fs::read_to_string(sources().join(name)).unwrap();
    let migrate = text("migrate.rs");
    let list = migrate.split_once("MIGRATIONS").unwrap().1.split_once("];").unwrap().0;
    list.split('"').filter(|word| word.ends_with(".sql")).map(text).collect()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../openmail-agent/src/store/postgres")
}

/// Some databases commit each statement that changes the schema by itself.
#[tokio::test]
async fn a_start_that_was_killed_at_any_statement_is_taken_further_by_the_next() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    drop(PostgresStore::open(&url).await.unwrap());
    let (client, schema) = connect(&url).await;
    let (whole, scripts) = (shape(&client, &schema).await, scripts());
    for (version, script) in scripts.iter().enumerate() {
        let statements: Vec<_> = script.split_inclusive(";\n").collect();
        for done in 0..=statements.len() {
            let url = place.fresh();
            let (client, schema) = connect(&url).await;
            let before = scripts[..version].concat() + &statements[..done].concat();
            let version_table = format!(
                "CREATE SCHEMA {schema}; SET search_path TO {schema};
                 CREATE TABLE schema_version (one integer PRIMARY KEY, version bigint NOT NULL);
                 INSERT INTO schema_version VALUES (1, {version});"
            );
            client.batch_execute(&format!("{version_table}{before}")).await.unwrap();
            let (store, other) = tokio::join!(PostgresStore::open(&url), PostgresStore::open(&url));
            assert!(other.is_ok(), "{done} statements of {version}: {other:?}");
            let store = store.unwrap_or_else(|error| panic!("{done} statements of {version}: {error:?}"));
            assert_eq!(shape(&client, &schema).await, whole, "{done} statements of {version}");
            assert_eq!(store.census().await.unwrap().waiting, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_meets_another_in_the_middle_of_its_work_looks_again() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (client, schema) = connect(&url).await;
    let version = "schema_version (one int4 PRIMARY KEY, version bigint NOT NULL)";
    client.batch_execute(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.{version}")).await.unwrap();
    let made = format!("BEGIN; SET LOCAL search_path TO {schema}; {}", scripts()[0]);
    client.batch_execute(&made).await.unwrap();
    let opened = tokio::spawn({
        let url = url.replace("schema=", "application_name=meets&schema=");
        async move { PostgresStore::open(&url).await }
    });
    let waits =
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'meets' AND wait_event_type = 'Lock'";
    // What is looked at within a transaction stays as it was.
    let (onlooker, _) = connect(&url).await;
    soon(async {
        while onlooker.query(waits, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    client.batch_execute("COMMIT").await.unwrap();
    let store = soon(opened).await.unwrap().unwrap();
    assert_eq!(store.census().await.unwrap().waiting, 0);
}

/// All that was made, whatever way it came about.
async fn shape(client: &Client, schema: &str) -> Vec<String> {
    let sql = "
        SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, is_identity)
        FROM information_schema.columns WHERE table_schema = $1
        UNION ALL
        SELECT indexdef FROM pg_indexes WHERE schemaname = $1
        UNION ALL
        SELECT concat_ws(' ', 'sequence', sequencename) FROM pg_sequences WHERE schemaname = $1
        ORDER BY 1";
    let rows = client.query(sql, &[&schema]).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0).replace(&format!("{schema}."), "")).collect()
}

#[tokio::test]
async fn what_a_store_of_the_first_version_had_in_hand_is_kept() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (client, schema) = connect(&url).await;
    let first = format!(
        "CREATE SCHEMA {schema}; SET search_path TO {schema};
         CREATE TABLE schema_version (one integer PRIMARY KEY, version bigint NOT NULL);
         INSERT INTO schema_version VALUES (1, 1);
         {}
         INSERT INTO events (seq, event_id, inbox_id, lane, lane_id, kind, occurred_at, received_at, body, state, fence,
                             leased_by, leased_at, leased_until)
         VALUES (1, 'evt_1', 'i', 'a', 'a', 'message.received', 0, 0, '{{}}', 'leased', 1, 'dead', 0, 5000)",
        scripts()[0]
    );
    client.batch_execute(&first).await.unwrap();
    let store = PostgresStore::open(&url).await.unwrap();
    assert_eq!(store.census().await.unwrap().leased, 1);
    let leased = store.lease(lease_request("w", 0, 1)).await.unwrap().events;
    assert_eq!(leased.len(), 1, "its end has passed");
    owe(&store, vec![reply("k", "i", "t")]).await;
    assert_eq!(store.reserve(reserve_request("w", 0, 1)).await.unwrap().sends.len(), 1);
}

/// `integer` has four bytes in Postgres, and eight in databases that speak as it does.
#[test]
fn every_number_says_how_many_bytes_it_has() {
    for file in std::fs::read_dir(sources()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        for word in words {
            assert!(
                !["integer", "int", "serial", "smallint"].contains(&word),
                "{word} in {}",
                path.display()
            );
        }
    }
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_letter_is_refused() {
    let Some(place) = Place::own() else { return };
    let url = place.fresh();
    let (client, _) = connect(&url).await;
    for (name, encoding, opens) in [("latin", "LATIN1", false), ("bytes", "SQL_ASCII", true)] {
        let make = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        client.batch_execute(&make).await.unwrap();
        match PostgresStore::open(&url.replace("/postgres?", &format!("/{name}?"))).await {
            Ok(store) => {
                assert!(opens, "{encoding}");
                let mut sent = reply("k", "i", "t");
                sent.handler = "it’s 👋".into();
                owe(&store, vec![sent.clone()]).await;
                let reserved = store.reserve(reserve_request("w", 0, 1)).await.unwrap().sends.remove(0);
                assert_eq!(reserved.send.handler, sent.handler);
            }
            Err(error) => {
                assert!(!opens, "{encoding}: {error:?}");
                assert_eq!(*error.kind(), StoreErrorKind::Configuration);
                let error = format!("{error:?}");
                assert!(error.contains(encoding) && error.contains("ENCODING 'UTF8'"), "{error}");
            }
        }
    }
}

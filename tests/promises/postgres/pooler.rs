//! What lies between a process and the server, and what the server cannot do.

use futures_util::future::join_all;
use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Runtime, StoreLocation};
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Store, StoreErrorKind};

use crate::bench::Bench;

use super::cluster::Place;
use super::mail;
use super::proxy::Proxy;
use super::pruning::connect;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_full_for_a_while_costs_no_mail_and_no_restart() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let bench = Bench::start().await;
    let mut config = bench.config();
    config.store = StoreLocation::Postgres(Secret::new(&place.fresh_over(proxy.folder())));
    let echo = Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())));
    let running = bench.start_ready(Runtime::new(config).handlers([echo])).await;

    proxy.be_full(true);
    proxy.turned_away(5).await;
    proxy.be_full(false);
    bench.deliver("after");
    bench.sent(1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_pooler_that_is_full_at_the_start_is_said_to_be() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    proxy.be_full(true);
    let error = PostgresStore::open(&place.fresh_over(proxy.folder())).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unavailable);
    assert!(format!("{error:?}").contains("max clients reached"), "{error:?}");
}

#[tokio::test]
async fn what_the_server_fails_on_is_one_call_s_misfortune_and_no_damage() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let store = PostgresStore::open(&url).await.unwrap();
    let (client, schema) = connect(&url).await;
    let fails = format!(
        "CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'invalid memory alloc request size' USING ERRCODE = 'XX000';
         END $$;
         CREATE TRIGGER fails BEFORE INSERT ON {schema}.events FOR EACH ROW WHEN (NEW.event_id = 'evt_huge')
         EXECUTE FUNCTION {schema}.fail()"
    );
    client.batch_execute(&fails).await.unwrap();
    let record = |id: String| store.record(vec![mail(&id, "i", &id, 0)], None);
    let small = join_all((0..20).map(|n| record(n.to_string())));
    let (small, huge) = tokio::join!(small, record("huge".to_owned()));
    assert!(small.iter().all(Result::is_ok), "{small:?}");
    assert_eq!(*huge.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.census().await.unwrap().waiting, 20);
}

#[tokio::test]
async fn a_process_has_no_more_connections_than_the_url_says() {
    let Some(place) = Place::shared() else { return };
    let url = place.fresh();
    let (client, _) = connect(&url).await;
    let connections = async |parameters: &str, name: &str| {
        let url = url.replace("schema=", &format!("{parameters}application_name={name}&schema="));
        let store = PostgresStore::open(&url).await.unwrap();
        join_all((0..50).map(|_| store.census()))
            .await
            .into_iter()
            .for_each(|census| assert!(census.is_ok()));
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        client.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0)
    };
    assert!(connections("max_connections=2&", "a few").await <= 2);
    assert!(connections("", "unasked").await < 15, "poolers commonly allow 15");
}

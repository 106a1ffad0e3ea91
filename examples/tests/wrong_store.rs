//! An example without its key, and the store of a real service at hand: the example `echo`, as a process of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use jiff::Timestamp;
use openmail_agent::model::EventKind;
use openmail_agent::store::sqlite::SqliteStore;
use openmail_agent::store::{Bookmark, Lane, NewEvent, Store};
use tokio::process::Command;

/// The store of a service at OpenMail, in which a mail waits.
async fn store_in_use(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let body =
        r#"{"event":"message.received","event_id":"evt_1","inbox_id":"inb_1","message":{"id":"msg_1"}}"#;
    let mail =
        NewEvent::new("evt_1", EventKind::MESSAGE_RECEIVED, Lane("thr_1".into()), body, Timestamp::now());
    let service = Bookmark::new("service", "https://api.openmail.sh");
    store.record(vec![mail.into()], Some(service)).await.unwrap();
}

async fn echo_without_a_key(store: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
    command.env_clear().env("OPENMAIL_STORE", format!("sqlite:{}", store.display()));
    command.env("OPENMAIL_SANDBOX_ADDR", "127.0.0.1:0").env("OPENMAIL_SANDBOX_SMTP_ADDR", "127.0.0.1:0");
    // The time is only for the failure.
    let ended = tokio::time::timeout(Duration::from_secs(30), command.kill_on_drop(true).output()).await;
    ended.expect("it ends by itself").unwrap()
}

#[tokio::test]
async fn the_sandbox_is_not_asked_for_what_waits_for_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.db");
    store_in_use(&path).await;
    let ended = echo_without_a_key(&path).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for words in ["`https://api.openmail.sh`", "on this machine", "OPENMAIL_STORE"] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    let census = SqliteStore::open(&path).await.unwrap().census().await.unwrap();
    assert_eq!((census.waiting, census.done, census.parked, census.dead), (1, 0, 0, 0));
}

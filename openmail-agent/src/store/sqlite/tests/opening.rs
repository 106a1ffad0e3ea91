use std::fs;

use rusqlite::Connection;

use super::*;
use crate::store::conformance::fixture::{lease, lease_one, mail, record, reply, reserve_one};
use crate::store::{StoreError, StoreErrorKind};

async fn refused(path: &Path) -> (StoreErrorKind, String) {
    let error: StoreError = SqliteStore::open(path).await.unwrap_err();
    (*error.kind(), std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let file = File::new();
    let first = open(&file.path).await;
    assert_eq!(refused(&file.path).await.0, StoreErrorKind::Occupied);
    record(&first, vec![mail("1", "i", "a", 1)]).await;
    drop(first);
    assert_eq!(lease(&open(&file.path).await, 5, 10).await.len(), 1);
}

/// Otherwise whoever looks into the file with another program takes that for the last, and removes the log into which the owner goes on
/// writing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_is_refused_leaves_the_owner_its_locks() {
    use std::os::unix::fs::MetadataExt as _;

    let file = File::new();
    let owner = open(&file.path).await;
    record(&owner, vec![mail("1", "i", "a", 1)]).await;
    let inode = format!(":{} ", fs::metadata(&file.path).unwrap().ino());
    let locks = || fs::read_to_string("/proc/locks").unwrap().matches(&inode).count();
    let before = locks();
    assert!(before > 0, "a store that is open has a lock on its file");
    assert_eq!(refused(&file.path).await.0, StoreErrorKind::Occupied);
    assert_eq!(locks(), before);
}

#[tokio::test]
async fn an_owner_that_is_leaving_is_waited_for() {
    let file = File::new();
    let first = open(&file.path).await;
    let (second, ()) = tokio::join!(SqliteStore::open(&file.path), first.close());
    assert_eq!(second.unwrap().census().await.unwrap().waiting, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn another_name_of_the_same_file_is_refused_too() {
    let file = File::new();
    let _first = open(&file.path).await;
    let link = file.path.with_file_name("link.db");
    std::os::unix::fs::symlink(&file.path, &link).unwrap();
    assert_eq!(refused(&link).await.0, StoreErrorKind::Occupied);
}

#[tokio::test]
async fn a_closed_store_takes_no_calls_and_gives_the_file_free() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("1", "i", "a", 1)]).await;
    store.close().await;
    store.close().await;
    assert_eq!(*store.census().await.unwrap_err().kind(), StoreErrorKind::Closed);
    assert_eq!(open(&file.path).await.census().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let file = File::new();
    fs::write(&file.path, "this is no database, and long enough to be seen as such".repeat(100)).unwrap();
    assert_eq!(refused(&file.path).await.0, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_with_both_versions() {
    let file = File::new();
    drop(open(&file.path).await);
    Connection::open(&file.path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let (kind, reason) = refused(&file.path).await;
    assert_eq!(kind, StoreErrorKind::Corrupt);
    assert!(reason.contains("version 99") && reason.contains("up to 4"), "{reason}");
}

#[tokio::test]
async fn what_an_older_version_had_in_hand_is_due_again() {
    let file = File::new();
    let older = Connection::open(&file.path).unwrap();
    older.execute_batch(include_str!("../schema.sql")).unwrap();
    older
        .execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO events (seq, event_id, lane, kind, occurred_at, received_at, state, attempts, fence, leased_until)
             VALUES (1, 'evt_1', 'a', 'message.received', 0, 0, 'leased', 1, 7, 9000000000000);
             INSERT INTO event_bodies (seq, body) VALUES (1, '{}');
             INSERT INTO sends (seq, event_seq, key, inbox_id, handler, state, attempts, first_attempt_at, fence, reserved_until)
             VALUES (1, 1, 'k', 'i', 'support', 'reserved', 1, 1771927200000, 8, 9000000000000);
             INSERT INTO ledger (slot, inbox_id, reserved_at) VALUES (8, 'i', 1771927200000);",
        )
        .unwrap();
    let draft = serde_json::to_string(&reply("k", "i", "t").draft).unwrap();
    older.execute("INSERT INTO drafts (seq, draft) VALUES (1, ?1)", [draft]).unwrap();
    drop(older);
    let store = open(&file.path).await;
    assert_eq!(lease_one(&store, 0).await.attempt, 2);
    assert_eq!(reserve_one(&store, 0).await.attempt, 2);
    drop(store);
    let in_flight = "SELECT count(*) FROM ledger WHERE completed_at IS NULL";
    let file = Connection::open(&file.path).unwrap();
    assert_eq!(
        file.query_row(in_flight, (), |row| row.get::<_, i64>(0)).unwrap(),
        1,
        "its place is free again"
    );
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let file = File::new();
    Connection::open(&file.path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let (kind, reason) = refused(&file.path).await;
    assert_eq!(kind, StoreErrorKind::Corrupt);
    assert!(reason.contains("choose another file"), "{reason}");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let file = File::new();
    let (kind, reason) = refused(&file.path.join("no/agent.db")).await;
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(reason.contains("agent.db"), "{reason}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("1", "i", "a", 1)]).await;
    for entry in fs::read_dir(file.path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn another_program_can_read_along() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("1", "i", "a", 1)]).await;
    let reader = Connection::open(&file.path).unwrap();
    let sql = "SELECT state, inbox_id, body ->> 'event_id' FROM events JOIN event_bodies USING (seq)";
    let row: (String, String, String) =
        reader.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(row, ("waiting".into(), "i".into(), "evt_1".into()));
}

use rusqlite::Connection;

use super::*;
use crate::store::StoreErrorKind;
use crate::store::conformance::fixture::{at, ids, lease, mail, record, reserve, retry, settlement, worker};

/// What the file says is in hand: which, and for which time.
fn named(file: &File) -> Vec<String> {
    let connection = Connection::open(&file.path).unwrap();
    let mut query = connection.prepare("SELECT events FROM leases ORDER BY id").unwrap();
    let rows = query.query_map((), |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_dead_letter_and_stops_no_other() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("1", "i", "a", 1), mail("2", "i", "b", 2)]).await;
    store.close().await;
    let damaged = Connection::open(&file.path).unwrap();
    damaged.execute("DELETE FROM event_bodies WHERE seq = 1", ()).unwrap();
    drop(damaged);
    let store = open(&file.path).await;
    assert_eq!(ids(&lease(&store, 5, 10).await), ["2"]);
    let census = store.census().await.unwrap();
    assert_eq!((census.waiting, census.leased, census.dead), (0, 1, 1));
    store.close().await;
    assert_eq!(open(&file.path).await.census().await.unwrap().dead, 1);
}

#[tokio::test]
async fn what_is_wrong_with_one_is_not_held_against_others_in_its_transaction() {
    let file = File::new();
    let store = open(&file.path).await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let sound = store.call(move |_, _| {
        wait.recv().unwrap();
        Ok(())
    });
    let spoiled = store.call(|_, _| Err::<(), _>(StoreErrorKind::Corrupt.into()));
    let (sound, spoiled, ()) = tokio::join!(biased; sound, spoiled, async move { go.send(()).unwrap() });
    assert_eq!(*spoiled.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(
        *sound.unwrap_err().kind(),
        StoreErrorKind::Unavailable,
        "it is undone, and may be tried again"
    );
}

#[tokio::test]
async fn what_was_there_before_the_start_is_leased_once_that_is_in_the_file() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("inherited", "i", "a", 0)]).await;
    store.close().await;

    // Nothing else is asked of the store that would tell the file: the process may end the next moment.
    let store = open(&file.path).await;
    let leased = lease(&store, 0, 1).await;
    assert_eq!(named(&file), [format!("[[{},1]]", leased[0].lease.seq.0)]);
}

#[tokio::test]
async fn what_is_leased_again_is_in_the_file_and_what_came_since_need_not_be() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("fresh", "i", "a", 0)]).await;
    let leased = lease(&store, 0, 1).await.remove(0);
    assert!(named(&file).is_empty(), "nobody waited for the disk");
    store.settle(settlement(&leased.lease, retry(1), 0)).await.unwrap();
    lease(&store, 1, 1).await;
    assert_eq!(named(&file), [format!("[[{},2]]", leased.lease.seq.0)]);
}

#[tokio::test]
async fn who_only_asks_does_not_wait_for_the_disk_and_a_heartbeat_has_the_try_count() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("fresh", "i", "a", 0)]).await;
    let leased = lease(&store, 0, 1).await.remove(0);
    assert!(reserve(&store, 0, 1).await.sends.is_empty());
    assert_eq!(store.census().await.unwrap().leased, 1);
    assert!(named(&file).is_empty(), "nothing was written");
    store.heartbeat(&worker("w"), at(2)).await.unwrap();
    assert_eq!(named(&file), [format!("[[{},1]]", leased.lease.seq.0)]);
}

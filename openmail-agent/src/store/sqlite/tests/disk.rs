use bytes::Bytes;

use super::*;
use crate::store::conformance::fixture::{
    at, ids, keys, lease, lease_one, lease_request, mail, owe, record, reply, reserve, settle, settlement,
    state,
};
use crate::store::{Bookmark, EventOutcome, NewEvent, Recorded, SendState, StoreErrorKind};

/// A full disk, as SQLite sees one: no page more than there are, or so many.
async fn limit_pages(store: &SqliteStore, pages: Option<i64>) {
    store
        .call(move |_, shelf| {
            let used: i64 =
                shelf.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
            let pages = pages.unwrap_or(used);
            shelf.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
            Ok(())
        })
        .await
        .unwrap();
}

/// A disk that takes nothing at all.
async fn set_read_only(store: &SqliteStore, read_only: bool) {
    store
        .call(move |_, shelf| {
            shelf.connection.pragma_update(None, "query_only", read_only).unwrap();
            Ok(())
        })
        .await
        .unwrap();
}

fn large(id: &str) -> NewEvent {
    NewEvent { body: Bytes::from(vec![b'x'; 100_000]), ..mail(id, "i", id, 9) }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_passes() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("before", "i", "before", 1)]).await;
    owe(&store, 2, vec![reply("k", "i", "t")]).await;
    let leased = lease_one(&store, 3).await;
    limit_pages(&store, None).await;

    let bookmark = Bookmark::new("socket", "evt_1");
    let refused = store.record(vec![large("1").into()], Some(bookmark)).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");
    assert_eq!(store.bookmark("socket").await.unwrap(), None, "what was not kept is not passed over");
    assert_eq!(store.census().await.unwrap().leased, 1, "a lease given before holds");

    limit_pages(&store, Some(1_000_000)).await;
    assert!(
        matches!(record(&store, vec![large("1")]).await[..], [Recorded::New(_)]),
        "it was not kept before"
    );
    settle(&store, &leased, EventOutcome::Done, 4).await;
    assert_eq!(state(&store, "k").await, Some(SendState::Owed));
    assert_eq!(keys(&reserve(&store, 5, 10).await.sends), ["k"]);
    assert_eq!(ids(&lease(&store, 10, 10).await), ["1"]);
}

#[tokio::test]
async fn a_failure_undoes_all_that_shared_the_transaction_and_nothing_else() {
    let file = File::new();
    let store = open(&file.path).await;
    limit_pages(&store, None).await;
    let results = futures_util::future::join_all((0..50).map(|n| {
        let mail = if n == 25 { large("large") } else { mail(&n.to_string(), "i", "a", n) };
        store.record(vec![mail.into()], None)
    }))
    .await;
    limit_pages(&store, Some(1_000_000)).await;
    for (n, result) in results.iter().enumerate() {
        if let Err(error) = result {
            assert_eq!(*error.kind(), StoreErrorKind::Unavailable);
        }
        let again = if n == 25 { large("large") } else { mail(&n.to_string(), "i", "a", 9) };
        let known = record(&store, vec![again]).await == [Recorded::Known];
        assert_eq!(known, result.is_ok(), "event {n}: what was answered is what is kept");
    }
    assert!(results[25].is_err());
    assert_eq!(store.census().await.unwrap().waiting, 50);
}

#[tokio::test]
async fn what_was_leased_before_the_disk_failed_is_settled_when_it_is_well_again() {
    let file = File::new();
    let store = open(&file.path).await;
    record(&store, vec![mail("1", "i", "a", 1), mail("2", "i", "a", 2), mail("3", "i", "b", 3)]).await;
    set_read_only(&store, true).await;
    // Answered before the commit that fails.
    let leased = lease_one(&store, 5).await;
    let refused = store.settle(settlement(&leased.lease, EventOutcome::Done, 5)).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");
    let refused = store.lease(lease_request(5, 10)).await.unwrap_err();
    assert!(refused.is_transient(), "nothing is begun that cannot be ended: {refused:?}");

    set_read_only(&store, false).await;
    assert_eq!(ids(&lease(&store, 6, 10).await), ["3"], "nothing is lost, and nobody has two of a lane");
    settle(&store, &leased, EventOutcome::Done, 6).await;
    assert_eq!(ids(&lease(&store, 6, 10).await), ["2"]);
    drop(store);
    let tries: Vec<_> =
        lease(&open(&file.path).await, 7, 10).await.iter().map(|leased| leased.attempt).collect();
    assert_eq!(tries, [2, 2]);
}

#[tokio::test]
async fn the_file_does_not_grow_while_as_much_is_forgotten_as_comes() {
    let file = File::new();
    let store = open(&file.path).await;
    let pages = async || {
        store
            .call(|_, shelf| {
                Ok(shelf
                    .connection
                    .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
                    .unwrap())
            })
            .await
            .unwrap()
    };
    let mut most_at_first = 0;
    for round in 0..10 {
        for n in 0..20 {
            let id = format!("{round}-{n}");
            record(&store, vec![large(&id)]).await;
            settle(&store, &lease_one(&store, round).await, EventOutcome::Done, round).await;
        }
        store.prune(at(round + 1), at(round + 1), 100).await.unwrap();
        if round == 1 {
            most_at_first = pages().await;
        }
    }
    assert!(pages().await <= most_at_first + 20, "{} pages, {most_at_first} at first", pages().await);
}

#[tokio::test]
async fn a_draft_that_cannot_be_read_stops_no_other() {
    let file = File::new();
    let store = open(&file.path).await;
    owe(&store, 0, vec![reply("bad", "i", "t"), reply("good", "i", "t")]).await;
    store
        .call(|_, shelf| {
            shelf.connection.execute("UPDATE drafts SET draft = '{' WHERE seq = 1", ()).unwrap();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(keys(&reserve(&store, 1, 10).await.sends), ["good"]);
    assert!(matches!(state(&store, "bad").await, Some(SendState::Failed { .. })));
}

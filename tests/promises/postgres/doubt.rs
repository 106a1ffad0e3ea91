//! A connection that is lost while the server commits: the answer never comes, and what was taken is taken.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openmail_agent::limit::Quotas;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{ErrorKind, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::bench::soon;

use super::cluster::Place;
use super::{at, lease_request, mail, owe, reply, reserve_request};

/// Stands between a store and the server, and cuts the connection once the next commit was obeyed.
struct Proxy {
    folder: TempDir,
    cuts: Arc<AtomicBool>,
    _task: JoinSet<()>,
}

impl Proxy {
    fn start(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (cuts, server) = (Arc::new(AtomicBool::new(false)), server.join(".s.PGSQL.5432"));
        let shared = Arc::clone(&cuts);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(pass_on(client, server, Arc::clone(&shared)));
            }
        });
        Self { folder, cuts, _task: task }
    }

    fn cut_next_commit(&self) {
        self.cuts.store(true, Ordering::SeqCst);
    }
}

async fn pass_on(mut client: UnixStream, mut server: UnixStream, cuts: Arc<AtomicBool>) {
    let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            Ok(count @ 1..) = client.read(&mut asked) => {
                server.write_all(&asked[..count]).await.unwrap();
                let commits = asked[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                if commits && cuts.swap(false, Ordering::SeqCst) {
                    server.readable().await.unwrap();
                    return;
                }
            }
            Ok(count @ 1..) = server.read(&mut said) => client.write_all(&said[..count]).await.unwrap(),
            else => return,
        }
    }
}

#[tokio::test]
async fn what_was_taken_without_an_answer_is_given_back() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder.path())).await.unwrap();
    owe(&store, vec![reply("k", "i", "t")]).await;
    store.record(vec![mail("1", "i", "a", 0)], None).await.unwrap();

    proxy.cut_next_commit();
    let error = soon(store.lease(lease_request("w", 0, 10))).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    assert_eq!(store.census().await.unwrap().leased, 1, "it was committed");
    // However long it took to see the failure: a machine may sleep meanwhile.
    let leased = store.lease(lease_request("w", 61, 10)).await.unwrap().events;
    assert_eq!((leased.len(), leased[0].attempt), (1, 1));

    proxy.cut_next_commit();
    soon(store.reserve(reserve_request("w", 61, 10))).await.unwrap_err();
    let left = async || store.allowance(&"i".into(), &Quotas::default(), at(122)).await.unwrap().minute;
    assert_eq!(left().await, 9, "it was committed");
    let reserved = store.reserve(reserve_request("w", 122, 10)).await.unwrap().sends;
    assert_eq!((reserved.len(), reserved[0].attempt, reserved[0].first_attempt_at), (1, 1, at(122)));
    assert_eq!(left().await, 9, "it takes one slot");
}

#[tokio::test]
async fn the_slots_of_what_is_given_back_are_free_at_once() {
    let Some(place) = Place::own() else { return };
    let proxy = Proxy::start(place.folder());
    let store = PostgresStore::open(&place.fresh_over(proxy.folder.path())).await.unwrap();
    owe(&store, vec![reply("1", "i", "t"), reply("2", "i", "u")]).await;
    let one_a_day = |now| {
        let mut request = reserve_request("w", now, 10);
        request.quotas = Quotas::new(10, 1);
        request
    };

    proxy.cut_next_commit();
    soon(store.reserve(one_a_day(1))).await.unwrap_err();
    let reserved = store.reserve(one_a_day(2)).await.unwrap().sends;
    assert_eq!(reserved.len(), 1, "the inbox need not wait for tomorrow");
}

//! Stands between a store and the server, and gets in the way as it is told.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bench::soon;

/// What a pooler answers who asks for more connections than it has: a fatal error, XX000.
const FULL: &[u8] = b"SFATAL\0VFATAL\0CXX000\0MMaxClientsInSessionMode: max clients reached\0\0";

/// A request for encryption, as it begins a connection.
const ENCRYPTION: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

pub(super) struct Proxy {
    folder: TempDir,
    way: Arc<Way>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Way {
    /// What happens to a connection once its next commit was obeyed.
    next_commit: watch::Sender<Option<Fate>>,
    /// How often all connections that there were fell silent.
    silences: watch::Sender<usize>,
    /// How many commits were obeyed without a word.
    unanswered: watch::Sender<usize>,
    is_full: watch::Sender<bool>,
    turned_away: watch::Sender<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Cut,
    Silent,
}

impl Proxy {
    pub(super) fn start(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (way, server) = (Arc::<Way>::default(), server.join(".s.PGSQL.5432"));
        let shared = Arc::clone(&way);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                connections.spawn(pass_on(client, server, Arc::clone(&shared)));
            }
        });
        Self { folder, way, _task: task }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Cuts the connection once the next commit was obeyed.
    pub(super) fn cut_next_commit(&self) {
        self.way.next_commit.send_replace(Some(Fate::Cut));
    }

    /// Keeps the connection, and what the server says to the next commit to itself.
    pub(super) fn silence_next_commit(&self) {
        self.way.next_commit.send_replace(Some(Fate::Silent));
    }

    /// Waits until a commit was obeyed that nobody hears of.
    pub(super) async fn kept_silent(&self) {
        soon(self.way.unanswered.subscribe().wait_for(|count| *count > 0)).await.unwrap();
    }

    /// Passes nothing on any more over the connections that there are, and keeps them.
    pub(super) fn fall_silent(&self) {
        self.way.silences.send_modify(|times| *times += 1);
    }

    /// Cuts all connections and turns new ones away, as a pooler does that has no more of them; until it has some again.
    pub(super) fn be_full(&self, is_full: bool) {
        self.way.is_full.send_replace(is_full);
    }

    /// Waits until so many were turned away.
    pub(super) async fn turned_away(&self, count: usize) {
        soon(self.way.turned_away.subscribe().wait_for(|turned| *turned >= count)).await.unwrap();
    }
}

async fn pass_on(mut client: UnixStream, mut server: UnixStream, way: Arc<Way>) {
    let (mut silences, mut is_full) = (way.silences.subscribe(), way.is_full.subscribe());
    let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
    if *is_full.borrow_and_update() {
        return turn_away(client, &way).await;
    }
    loop {
        tokio::select! {
            _ = silences.changed() => std::future::pending().await,
            _ = is_full.changed() => return,
            Ok(count @ 1..) = client.read(&mut asked) => {
                server.write_all(&asked[..count]).await.unwrap();
                let commits = asked[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                let fate = if commits { way.next_commit.send_replace(None) } else { None };
                if fate.is_some() {
                    server.readable().await.unwrap();
                }
                match fate {
                    Some(Fate::Cut) => return,
                    Some(Fate::Silent) => {
                        way.unanswered.send_modify(|count| *count += 1);
                        std::future::pending().await
                    }
                    None => {}
                }
            }
            Ok(count @ 1..) = server.read(&mut said) => client.write_all(&said[..count]).await.unwrap(),
            else => return,
        }
    }
}

async fn turn_away(mut client: UnixStream, way: &Way) {
    let mut asked = [0; 1_024];
    if client.read(&mut asked).await.is_ok_and(|count| asked[..count] == ENCRYPTION) {
        client.write_all(b"N").await.unwrap();
        let _ = client.read(&mut asked).await;
    }
    let length = u32::try_from(FULL.len() + 4).unwrap().to_be_bytes();
    let _ = client.write_all(&[b"E", &length[..], FULL].concat()).await;
    way.turned_away.send_modify(|count| *count += 1);
}

//! Where mail is kept, and by how many processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{Census, Store as _};
use rusqlite::{Connection, OpenFlags};

use crate::bench::Bench;
use crate::postgres::cluster::Place;

/// A store, and how many processes share it.
pub(super) struct SetUp {
    pub(super) name: &'static str,
    pub(super) processes: usize,
    store: Kind,
}

enum Kind {
    Sqlite,
    Postgres {
        url: String,
        /// Its server runs for as long as somebody has it.
        _place: Arc<Place>,
    },
}

/// So many connections may have been cut before one is new.
const CONNECTIONS: usize = 17;

const FAILURES: &str = "
    SELECT 'a reply ' || state || ': ' || error FROM sends WHERE state = 'failed'
    UNION ALL SELECT 'a mail ' || state || ': ' || error FROM events WHERE state IN ('parked', 'dead')";

/// A look into the store from beside the processes.
pub(super) enum Books {
    Sqlite(PathBuf),
    Postgres { store: PostgresStore, url: String },
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Mails that were ever recorded.
    pub(super) recorded: usize,
    /// Mails that wait for a handler or are with one.
    pub(super) unfinished: usize,
    /// Mails that were set aside or given up.
    pub(super) failed: usize,
    /// Replies that have not left.
    pub(super) owed: usize,
}

impl SetUp {
    pub(super) fn sqlite() -> Self {
        Self { name: "SQLite, 1 process", processes: 1, store: Kind::Sqlite }
    }

    /// `None`, said loudly, where there is no Postgres.
    pub(super) fn postgres(processes: usize) -> Option<Self> {
        let place = Place::shared()?;
        let name = if processes == 1 { "Postgres, 1 process" } else { "Postgres, 3 processes" };
        let url = format!("{}&application_name=crash_{:x}", place.fresh(), rand::random::<u64>());
        Some(Self { name, processes, store: Kind::Postgres { url, _place: place } })
    }

    /// What `OPENMAIL_STORE` has to be.
    pub(super) fn location(&self, bench: &Bench) -> String {
        match &self.store {
            Kind::Sqlite => format!("sqlite:{}", bench.store_path().display()),
            Kind::Postgres { url, .. } => url.clone(),
        }
    }

    pub(super) async fn books(&self, bench: &Bench) -> Books {
        match &self.store {
            Kind::Sqlite => Books::Sqlite(bench.store_path()),
            Kind::Postgres { url, .. } => {
                let store = PostgresStore::open(url).await.expect("the database is there");
                Books::Postgres { store, url: url.clone() }
            }
        }
    }
}

impl Books {
    /// Whether what a killed process had in hand stays in its name for a while.
    pub(super) fn outlive_processes(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Cuts every connection to the database, in the middle of whatever it is doing.
    pub(super) async fn cut_connections(&self) {
        let Self::Postgres { url, .. } = self else { return };
        let (client, name) = connect(url).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        client.query(cut, &[&name]).await.expect("connections of one's own can be cut");
    }

    /// Why replies and mails have failed for good.
    pub(super) async fn failures(&self) -> Vec<String> {
        match self {
            Self::Sqlite(path) => {
                let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let file = file.expect("the store's file opens");
                let mut query = file.prepare(FAILURES).expect("the query fits the schema");
                let rows = query.query_map((), |row| row.get(0)).and_then(Iterator::collect);
                rows.expect("the store's file can be read")
            }
            Self::Postgres { url, .. } => {
                let (client, _) = connect(url).await;
                let rows = client.query(FAILURES, &[]).await.expect("the query fits the schema");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    pub(super) async fn holdings(&self) -> Holdings {
        match self {
            Self::Sqlite(path) => in_file(path),
            Self::Postgres { store, .. } => {
                let census = census(store).await;
                let unfinished = census.waiting + census.leased;
                let failed = census.parked + census.dead;
                let number = |count: u64| usize::try_from(count).unwrap();
                Holdings {
                    recorded: number(census.done + unfinished + failed),
                    unfinished: number(unfinished),
                    failed: number(failed),
                    owed: number(census.owed),
                }
            }
        }
    }
}

/// A connection of the bench's own to the database, in its schema, and the name that the processes' connections have.
async fn connect(url: &str) -> (tokio_postgres::Client, String) {
    let (server, parameters) = url.split_once('?').expect("the schema is given");
    let (schema, name) = parameters.split_once("&application_name=").expect("the name is given");
    let (_, schema) = schema.split_once("schema=").expect("the schema is given");
    let connected = tokio_postgres::connect(server, tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("the server is there");
    // Ends with the client.
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path TO {schema}")).await.expect("the schema is there");
    (client, name.to_owned())
}

/// Asked again where the connection was cut.
async fn census(store: &PostgresStore) -> Census {
    for _ in 0..CONNECTIONS {
        if let Ok(census) = store.census().await {
            return census;
        }
    }
    panic!("the database does not answer");
}

/// Read only: whoever closes a file that it may write to tidies up after those that were killed.
fn in_file(path: &Path) -> Holdings {
    let file =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the store's file opens");
    let count = |what: &str| {
        let count = file.query_row(&format!("SELECT count(*) FROM {what}"), (), |row| row.get::<_, i64>(0));
        usize::try_from(count.expect("the store's file can be read")).unwrap()
    };
    Holdings {
        recorded: count("events"),
        unfinished: count("events WHERE state NOT IN ('done', 'parked', 'dead')"),
        failed: count("events WHERE state IN ('parked', 'dead')"),
        owed: count("sends WHERE state NOT IN ('sent', 'failed')"),
    }
}

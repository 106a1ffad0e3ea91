//! Where mail is kept, and by how many processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// Suspensions are events too, and recorded is what is a mail.
const HOLDINGS: &str = "
    SELECT (SELECT count(*) FROM events WHERE kind = 'message.received'),
           (SELECT count(*) FROM events WHERE state NOT IN ('done', 'parked', 'dead')),
           (SELECT count(*) FROM events WHERE state IN ('parked', 'dead')),
           (SELECT count(*) FROM sends WHERE state NOT IN ('sent', 'failed'))";

const FAILURES: &str = "
    SELECT 'a reply ' || state || ': ' || error FROM sends WHERE state = 'failed'
    UNION ALL SELECT 'a mail ' || state || ': ' || error FROM events WHERE state IN ('parked', 'dead')";

/// A look into the store from beside the processes.
pub(super) enum Books {
    Sqlite(PathBuf),
    Postgres { url: String },
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Mails that were ever recorded.
    pub(super) recorded: usize,
    /// Events that wait for a handler or are with one.
    pub(super) unfinished: usize,
    /// Events that were set aside or given up.
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

    pub(super) fn books(&self, bench: &Bench) -> Books {
        match &self.store {
            Kind::Sqlite => Books::Sqlite(bench.store_path()),
            Kind::Postgres { url, .. } => Books::Postgres { url: url.clone() },
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
        let Self::Postgres { url } = self else { return };
        let (client, name) = connect(url).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        client.query(cut, &[&name]).await.expect("connections of one's own can be cut");
    }

    /// Why replies and mails have failed for good.
    pub(super) async fn failures(&self) -> Vec<String> {
        match self {
            Self::Sqlite(path) => {
                let file = open(path);
                let mut query = file.prepare(FAILURES).expect("the query fits the schema");
                let rows = query.query_map((), |row| row.get(0)).and_then(Iterator::collect);
                rows.expect("the store's file can be read")
            }
            Self::Postgres { url } => {
                let (client, _) = connect(url).await;
                let rows = client.query(FAILURES, &[]).await.expect("the query fits the schema");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    pub(super) async fn holdings(&self) -> Holdings {
        let [recorded, unfinished, failed, owed] = match self {
            Self::Sqlite(path) => {
                let counts = open(path).query_row(HOLDINGS, (), |row| {
                    Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
                });
                counts.expect("the store's file can be read")
            }
            Self::Postgres { url } => {
                let (client, _) = connect(url).await;
                let row = client.query_one(HOLDINGS, &[]).await.expect("the query fits the schema");
                [row.get(0), row.get(1), row.get(2), row.get(3)]
            }
        };
        let number = |count: i64| usize::try_from(count).unwrap();
        Holdings {
            recorded: number(recorded),
            unfinished: number(unfinished),
            failed: number(failed),
            owed: number(owed),
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

/// Read only: whoever closes a file that it may write to tidies up after those that were killed.
fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the store's file opens")
}

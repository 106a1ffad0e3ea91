use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _};

use crate::store::{Result, StoreError, StoreErrorKind};

use super::failure::failed;

/// The scripts that bring a file from each version to the next.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema.sql"),
    include_str!("leases.sql"),
    include_str!("attempts.sql"),
    include_str!("stopped.sql"),
];

/// The version after all of them.
const LATEST: i64 = MIGRATIONS.len() as i64;

/// How long to wait for somebody who looks into the file with another program.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for a lock that is about to go: the process before is ending, or a child that a handler started has yet to
/// become another program.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// An open file that belongs to this process.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// How many times the file was opened, this one included.
    pub(super) openings: i64,
    /// Goes with the process, however it ends.
    _lock: File,
}

/// Opens the file, makes it where there is none, and brings it to the latest version.
pub(super) fn open(path: &Path) -> Result<Opened> {
    if !path.is_file() {
        create(path).map_err(|error| unavailable("create", path, &error))?;
    }
    // Two ways to the same file must meet at the same lock.
    let path = path.canonicalize().map_err(|error| unavailable("find", path, &error))?;
    let lock = lock(&path)?;
    // Whether it can be written, and not before it is this store's. Whoever closes a file takes away all locks that the process has on it,
    // those of another store on the same file included, which SQLite in other processes would then take for dead.
    create(&path).map_err(|error| unavailable("write", &path, &error))?;
    let mut connection = Connection::open(&path).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    migrate(&mut connection, &path)?;
    let openings = take_over(&connection).map_err(failed)?;
    Ok(Opened { connection, openings, _lock: lock })
}

/// What is in the file is mail: nobody else's to read. SQLite gives the files beside it the same permissions.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn lock(path: &Path) -> Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let file = create(&beside).map_err(|error| unavailable("create", &beside, &error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // On a thread of the store's own, which has nothing else to do yet.
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_AGAIN),
            Err(TryLockError::WouldBlock) => {
                let reason = format!("{} is locked", beside.display());
                return Err(StoreError::because(StoreErrorKind::Occupied, reason));
            }
            Err(TryLockError::Error(error)) => return Err(unavailable("lock", &beside, &error)),
        }
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise a join is planned again for each new value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -8 * 1024)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let Some(missing) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(corrupt(format!(
            "{} has version {version}, and this program knows versions up to {LATEST}: run a newer program on it",
            path.display()
        )));
    };
    if version == 0 && !is_empty(connection).map_err(failed)? {
        return Err(corrupt(format!(
            "{} is another program's database: choose another file",
            path.display()
        )));
    }
    let transaction = connection.transaction().map_err(failed)?;
    for migration in missing {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", LATEST).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let found = connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", (), |_| Ok(())).optional()?;
    Ok(found.is_none())
}

/// Ends what the process before left open: its leases are due again, its reservations are nobody's.
fn take_over(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch(
        "BEGIN;
         UPDATE meta SET value = value + 1 WHERE name = 'opened';
         UPDATE events SET state = 'waiting' WHERE state = 'leased';
         UPDATE events SET attempts = max(attempts, tried.attempt)
         FROM (SELECT value ->> 0 AS seq, max(value ->> 1) AS attempt FROM leases, json_each(leases.events) GROUP BY 1)
              AS tried
         WHERE events.seq = tried.seq AND events.state = 'waiting';
         DELETE FROM leases;
         UPDATE sends SET reserved_by = '' WHERE state = 'reserved';
         COMMIT;",
    )?;
    connection.query_row("SELECT value FROM meta WHERE name = 'opened'", (), |row| row.get(0))
}

fn unavailable(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => ": create the folder first",
        io::ErrorKind::PermissionDenied => ": make the folder and the file writable for this user",
        io::ErrorKind::ReadOnlyFilesystem => ": nothing can be written there, so choose a file elsewhere",
        io::ErrorKind::IsADirectory => ": this is a folder, so name a file in it",
        io::ErrorKind::StorageFull => ": free some space",
        _ => "",
    };
    StoreError::because(
        StoreErrorKind::Unavailable,
        format!("cannot {verb} {}: {error}{advice}", path.display()),
    )
}

fn corrupt(reason: String) -> StoreError {
    StoreError::because(StoreErrorKind::Corrupt, reason)
}

//! The durable store in a SQLite file, which is the default: one machine, one process, a file that `sqlite3` opens.
//!
//! The file is the truth, and an index in memory says what is next. One thread owns both. It takes whatever verbs wait, runs
//! them in one transaction, commits it to the disk (WAL, `synchronous=FULL`), and only then answers, so that a crowd of
//! callers shares one sync. When a commit fails, all of its verbs fail, and the index is made anew from the file: memory
//! never claims what the disk does not hold.
//!
//! Leases are the exception: they belong to workers of this process, so they are in memory, and an event that was not tried
//! before is leased without waiting for a commit. No promise rests on it; after a crash it is leased once more, and then the
//! answer waits until the disk says so, so that a mail that ends the process is counted.
//!
//! What is in the file:
//!
//! | table | holds |
//! |---|---|
//! | `events`, `event_bodies`, `event_aliases` | what arrived, where it stands, under which other ids it came |
//! | `leases` | what is being tried, so that it counts |
//! | `sends`, `drafts`, `attachments` | what is owed and what became of it |
//! | `ledger`, `pauses`, `holds` | what was sent lately, and what must not be sent |
//! | `step_notes`, `thread_notes`, `bookmarks` | what must not be forgotten |
//! | `meta` | counters |
//!
//! Times are milliseconds since 1970: `datetime(occurred_at / 1000, 'unixepoch')` shows them. Space that
//! [`prune`](crate::store::Store::prune) frees is used again; the file does not shrink by itself.

mod backend;
mod drafts;
mod failure;
mod leases;
mod load;
mod open;
mod recent;
mod shelf;
mod writer;

pub use backend::SqliteStore;

#[cfg(test)]
mod tests;

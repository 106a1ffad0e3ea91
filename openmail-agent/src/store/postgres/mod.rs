//! The durable store in a Postgres database: any number of processes on any number of machines share one queue, one
//! ledger and one set of lanes.
//!
//! The database decides everything, and nothing is kept in memory between two calls but what this process has in hand. Each verb is one `READ COMMITTED`
//! transaction; one that meets another's work at the wrong moment is run again, a bounded number of times. What makes it
//! right with many processes at once:
//!
//! | promise | held by |
//! |---|---|
//! | one mail once | a unique index over the hashed event ids and message ids (`event_names`) |
//! | one at a time per lane, the cap per inbox | leasing is taken in turns (a row lock for the length of one round trip); besides, a unique index allows one lease per lane |
//! | no more sends than the quota | the row of an inbox is locked while its ledger decides; who finds it locked takes other inboxes (`SKIP LOCKED`) |
//! | one reply once | a unique index over the hashed keys |
//! | migrations | the row with the schema's version is locked while one process applies a script; besides, each statement may be run again |
//!
//! No advisory lock, no `LISTEN`, no server-side code, no need that a schema is changed within a transaction: what speaks the
//! protocol of Postgres 14 is meant to do, but only Postgres is tested. Processes look for one another's work
//! [twice a second](crate::store::Store::poll_every).
//!
//! Calls of one process that wait to record, or to settle, share a transaction, so that a crowd shares its commit.
//!
//! What a worker has is its own for as long as its heartbeat stands; whoever asks next takes over what those had that fell
//! silent, unless all did, as while the database was away. Each machine tells the time by its own clock: they must agree to within
//! [five seconds](crate::limit::CLOCKS_APART), by which a minute of the ledger is longer, and a day begins later. A connection that is
//! lost, or on which nothing is heard any more, fails the
//! verb as [`Unavailable`](crate::store::StoreErrorKind::Unavailable), and the next verb connects anew; so it is with one that leads to
//! a server that may only be read, as the one before a failover. One that comes back without its latest commits says that a process has
//! what it has settled: within a minute that is given back, and handled or attempted again.

mod backend;
mod batch;
mod claim;
mod clocks;
mod digest;
mod doubt;
mod drafts;
mod gates;
mod hand;
mod lease;
mod ledger;
mod loan;
mod migrate;
mod params;
mod pool;
mod prune;
mod record;
mod reserve;
mod settle;
mod settle_send;
mod text;
mod tls;
mod trouble;
mod url;
mod workers;

pub use backend::PostgresStore;

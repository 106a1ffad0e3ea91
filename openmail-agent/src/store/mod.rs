//! Where mail is kept: one trait of atomic verbs, named by the moment they belong to.
//!
//! Two sentences govern it. *Nothing is acknowledged before [`record`](Store::record) commits, and nothing is sent that
//! [`settle`](Store::settle) or [`owe`](Store::owe) did not commit.* Each verb is one transaction: when it returns, what it
//! did survives a crash; when it fails, it did nothing, or all of it where only the answer was lost.
//!
//! | verb | moment |
//! |---|---|
//! | [`record`](Store::record), [`bookmark`](Store::bookmark) | an event arrives; the place in the stream moves with it |
//! | [`lease`](Store::lease), [`settle`](Store::settle) | a handler takes it, is done |
//! | [`heartbeat`](Store::heartbeat), [`retire`](Store::retire) | a worker lives, and keeps what it took; or goes |
//! | [`remember`](Store::remember), [`recall`](Store::recall) | what a step or a thread must not forget |
//! | [`owe`](Store::owe), [`reserve`](Store::reserve), [`settle_send`](Store::settle_send), [`send_state`](Store::send_state) | a reply is owed, gets its slot, is sent |
//! | [`allowance`](Store::allowance), [`hold`](Store::hold), [`release`](Store::release) | what may be sent, and what may not |
//! | [`prune`](Store::prune), [`census`](Store::census) | the file stays small, the operator sees what is in it |
//! | [`claim`](Store::claim), [`poll_every`](Store::poll_every) | several processes share a store |
//!
//! A store of your own implements [`Store`] under the attribute `#[openmail_agent::async_trait::async_trait]`, is given to the runtime by
//! [`store`](crate::Runtime::store), and is done when [`conformance`] passes. What it is told to do is an enum that it matches whole: a version
//! that adds a verb, or a variant to one of these, breaks it where it is compiled, and not in the middle of a mail.

#[cfg_attr(
    not(feature = "sqlite"),
    expect(dead_code, reason = "only a durable store keeps what a restart needs")
)]
mod book;
mod contract;
mod error;
mod event;
mod note;
mod send;

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(test)]
pub(crate) mod troubled;

pub(crate) use contract::{BACKOFF, look_again};
pub use contract::{Census, LONG_SILENCE, Store, WORKER_LIFE};
pub use error::{Result, StoreError, StoreErrorKind};
pub use event::{
    Bookmark, EventOutcome, EventSeq, Lane, Lease, LeaseRequest, Leased, Leases, NewEvent, Recorded,
    Settlement, WorkerId,
};
pub use note::{Note, NoteScope};
pub(crate) use send::is_spent;
pub use send::{
    Hold, HoldScope, KEY_LIFE, KEY_MARGIN, NewSend, Reservation, Reservations, ReserveRequest, SendOutcome,
    SendSeq, SendSettlement, SendState,
};

//! What every backend of this crate shares: which event or send is next, who has it, and what is known already.
//!
//! The [`Book`] is an index in memory and decides; the rows themselves lie on a [`Shelf`], which the backend brings: maps
//! for the store in memory, a transaction for the one in a file. Nothing here waits, and nothing here knows the time.

mod digest;
mod events;
mod finished;
mod gates;
mod interner;
mod lanes;
mod moment;
mod queue;
#[cfg(feature = "sqlite")]
mod restore;
mod sends;
mod shelf;
mod verbs;
mod workers;

use std::collections::HashMap;

pub(crate) use digest::{Digest, Names};
pub(crate) use moment::{ceil_ms, floor_ms, from_ms};
#[cfg(feature = "sqlite")]
pub(crate) use restore::{Attempts, EventEntry, SendEntry};
pub(crate) use shelf::{EventFate, EventState, FreshSend, KeptHold, SendFate, Shelf};
pub(crate) use verbs::Book;
#[cfg(feature = "postgres")]
pub(crate) use {
    sends::{KEY_EXPIRED, UNREADABLE},
    verbs::LEDGER_LIFE_MS,
};

/// A map whose keys are given here, or digests: nobody outside can choose them so that they collide.
pub(crate) type Index<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

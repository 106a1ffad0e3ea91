//! What every store must do, as checks by name: a backend is done when they pass.
//!
//! ```
//! # use std::sync::Arc;
//! # use openmail_agent::store::{Store, conformance, memory::MemoryStore};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

#![expect(clippy::unwrap_used, reason = "a check that fails must panic")]

mod events;
pub(crate) mod fixture;
mod holds;
mod limits;
mod reopen;
mod retention;
mod scheduling;
mod sends;
mod workers;

use std::sync::Arc;

use async_trait::async_trait;

use super::Store;

/// A place that a durable store can be opened at again.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens the store at this place; the one opened before has been dropped.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Runs every check that needs no restart, each on an empty store of its own.
///
/// # Panics
///
/// When a check fails; its name is printed before it starts.
pub async fn run(make: impl AsyncFn() -> Arc<dyn Store>) {
    events::run(&make).await;
    scheduling::run(&make).await;
    workers::run(&make).await;
    sends::run(&make).await;
    limits::run(&make).await;
    holds::run(&make).await;
    retention::run(&make).await;
}

/// Runs every check of what must survive a restart, each at an empty place of its own.
///
/// # Panics
///
/// When a check fails; its name is printed before it starts.
pub async fn run_reopen<B: Backend>(make: impl Fn() -> B) {
    reopen::run(&make).await;
}

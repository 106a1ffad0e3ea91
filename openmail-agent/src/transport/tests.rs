//! What the transports' tests share.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::store::Store;

use super::Intake;

/// An intake into this store, and what it wakes.
pub(super) fn intake_into(store: Arc<dyn Store>) -> (Intake, Arc<Notify>) {
    let wake = Arc::new(Notify::new());
    (Intake::new(store, Clock::system(), wake.clone()), wake)
}

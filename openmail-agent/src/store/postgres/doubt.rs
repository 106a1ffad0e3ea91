use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;

/// How much later a commit may still take hold whose connection was lost.
const LINGERING: Duration = Duration::from_secs(60);

/// Fences of what may have been taken without anybody knowing: the connection was lost during the commit.
///
/// A living worker would keep it for ever, so it is given back.
#[derive(Debug, Default)]
pub(super) struct Doubt(Mutex<Vec<(Timestamp, i64)>>);

impl Doubt {
    pub(super) fn add(&self, now: Timestamp, fences: impl Iterator<Item = i64>) {
        self.fences().extend(fences.map(|fence| (now, fence)));
    }

    /// What to give back.
    pub(super) fn standing(&self, now: Timestamp) -> Vec<i64> {
        let mut fences = self.fences();
        fences.retain(|(since, _)| clock::after(*since, LINGERING) > now);
        fences.iter().map(|(_, fence)| *fence).collect()
    }

    fn fences(&self) -> MutexGuard<'_, Vec<(Timestamp, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use sha2::{Digest as _, Sha256};

use crate::model::{IdempotencyKey, ThreadId};
use crate::store::Lane;

/// Half of the SHA-256 of a name: small enough to keep one for every name in memory, and too large for two names to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(u64, u64);

impl Digest {
    pub(crate) fn event(id: impl AsRef<str>) -> Self {
        Self::of(b'e', id.as_ref())
    }

    pub(crate) fn message(id: impl AsRef<str>) -> Self {
        Self::of(b'm', id.as_ref())
    }

    pub(crate) fn key(key: &IdempotencyKey) -> Self {
        Self::of(b'k', key.as_str())
    }

    pub(crate) fn lane(lane: &Lane) -> Self {
        Self::of(b'l', &lane.0)
    }

    /// The lane a send leaves in: its thread, or itself alone.
    pub(crate) fn send_lane(thread_id: Option<&ThreadId>, seq: i64) -> Self {
        thread_id.map_or(Self(u64::MAX, seq.cast_unsigned()), |thread| Self::of(b't', thread.as_str()))
    }

    /// As a durable index keeps it.
    #[cfg(feature = "postgres")]
    pub(crate) fn bytes(self) -> [u8; 16] {
        (u128::from(self.0) << 64 | u128::from(self.1)).to_be_bytes()
    }

    fn of(realm: u8, name: &str) -> Self {
        let hash = Sha256::new().chain_update([realm]).chain_update(name).finalize();
        let half = |at: usize| hash[at..at + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        Self(half(0), half(8))
    }
}

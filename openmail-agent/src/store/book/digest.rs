use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;

use crate::model::{IdempotencyKey, ThreadId};
use crate::store::Lane;

/// Two hashes of a name under keys that only this process knows: small enough to keep one for every name in memory, and too large
/// for two names to meet, by chance or on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(u64, u64);

static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

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

    fn of(realm: u8, name: &str) -> Self {
        let [first, second] = &*KEYS;
        let hash = |key: &RandomState| {
            let mut hasher = key.build_hasher();
            hasher.write_u8(realm);
            hasher.write(name.as_bytes());
            hasher.finish()
        };
        Self(hash(first), hash(second))
    }
}

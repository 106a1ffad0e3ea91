use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;

use crate::model::{IdempotencyKey, ThreadId};
use crate::store::Lane;

/// Two hashes of a name under a key that only this process knows: small enough to keep one for every name in memory, and too large
/// for two names to meet, by chance or on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(u64, u64);

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

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
        let half = |half: u8| {
            let mut hasher = KEY.build_hasher();
            hasher.write(&[half, realm]);
            hasher.write(name.as_bytes());
            hasher.finish()
        };
        Self(half(0), half(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_digest_in_each_realm() {
        let digests =
            [Digest::event("a"), Digest::message("a"), Digest::lane(&Lane("a".into())), Digest::event("b")];
        for (n, digest) in digests.iter().enumerate() {
            assert!(digest.0 != digest.1 && !digests[..n].contains(digest));
        }
        assert_eq!(Digest::event("a"), digests[0]);
    }
}

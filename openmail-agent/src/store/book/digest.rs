use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::model::{IdempotencyKey, MessageId, ThreadId};
use crate::store::{Lane, NewEvent};

/// A hash of a name under a key that only this process knows: small enough to keep one for every name in memory, and too large
/// for two names to meet, by chance or on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(u64, u64);

/// What an event is known by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) event: Digest,
    /// The mail's, where it is about one.
    pub(crate) message: Option<Digest>,
}

/// Ready to be given names.
static HASHER: LazyLock<SipHasher13> = LazyLock::new(|| {
    // The standard library gives what it drew in no other way.
    let drawn = RandomState::new();
    SipHasher13::new_with_keys(drawn.hash_one(0), drawn.hash_one(1))
});

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
        let mut hasher = *HASHER;
        hasher.write(name.as_bytes());
        hasher.write_u8(realm);
        let hash = hasher.finish128();
        Self(hash.h1, hash.h2)
    }
}

impl Names {
    pub(crate) fn of(event: &NewEvent) -> Self {
        let message = event.message_id.as_ref().map(MessageId::as_str).map(Digest::message);
        Self { event: Digest::event(&event.event_id), message }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Digest> + use<> {
        [Some(self.event), self.message].into_iter().flatten()
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

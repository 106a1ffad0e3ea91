//! Names as the indexes of the database keep them.

use sha2::{Digest as _, Sha256};

use crate::model::{EventId, IdempotencyKey, MessageId, ThreadId};
use crate::store::Lane;

/// Half of the SHA-256 of a name: small in an index, and too large for two names to meet.
pub(super) type Digest = [u8; 16];

pub(super) fn of_event(id: &EventId) -> Digest {
    of(b'e', id.as_str())
}

pub(super) fn of_message(id: &MessageId) -> Digest {
    of(b'm', id.as_str())
}

pub(super) fn of_key(key: &IdempotencyKey) -> Digest {
    of(b'k', key.as_str())
}

pub(super) fn of_lane(lane: &Lane) -> Digest {
    of(b'l', &lane.0)
}

/// The lane in which the sends of a thread leave.
pub(super) fn of_thread(id: &ThreadId) -> Digest {
    of(b't', id.as_str())
}

fn of(realm: u8, name: &str) -> Digest {
    let hash: [u8; 32] = Sha256::new().chain_update([realm]).chain_update(name).finalize().into();
    std::array::from_fn(|at| hash[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_what_earlier_versions_wrote() {
        let digest = of_event(&"evt_1".into());
        assert_eq!(hex::encode(digest), "8fc5a88d7f28f89a343a2aaab063d21a");
    }
}

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Error, ErrorKind, Result};

/// The most bytes of conversations in memory at once, beside small ones: strangers decide how large they are. Room for two of the
/// largest.
const ALL: usize = 64 * 1024 * 1024;
/// What room is given by.
const STEP: usize = 64 * 1024;
/// How much of a conversation needs no room: all of most, which are read however much large ones are waited for.
const SMALL: usize = 256 * 1024;
/// How long there may be no room. Who waits for it keeps others of its inbox from their turn.
const WITHIN: Duration = Duration::from_secs(10);

/// The room in memory for what a client reads of conversations.
#[derive(Debug, Clone)]
pub(super) struct Space(Arc<Semaphore>);

/// What one conversation, or one mail of it, has of the room, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

impl Space {
    pub(super) fn new() -> Self {
        Self::of(ALL)
    }

    fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / STEP)))
    }

    /// Room for so many bytes, if it is free.
    pub(super) fn now(&self, bytes: usize) -> Option<Room> {
        match steps(bytes) {
            0 => Some(Room::default()),
            steps => Arc::clone(&self.0).try_acquire_many_owned(steps).ok().map(|taken| Room(Some(taken))),
        }
    }

    /// Room for so many bytes as soon as it is free: first come, first served.
    ///
    /// Nobody may wait who has some already, or all could wait for each other.
    pub(super) async fn wait(&self, bytes: usize) -> Result<Room> {
        match steps(bytes) {
            0 => Ok(Room::default()),
            steps => match timeout(WITHIN, Arc::clone(&self.0).acquire_many_owned(steps)).await {
                Ok(Ok(taken)) => Ok(Room(Some(taken))),
                _ => Err(none()),
            },
        }
    }
}

/// There is no room, and nobody waits for it any longer.
pub(super) fn none() -> Error {
    Error::local(ErrorKind::NoRoom, "other large conversations are in memory")
}

impl Room {
    /// Whether this many bytes have room.
    pub(super) fn holds(&self, bytes: usize) -> bool {
        steps(bytes) as usize <= self.steps()
    }

    /// Gives back what so many bytes do not need.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        *self = self.split(bytes);
    }

    /// The part of it that so many bytes need, for what may be kept for longer.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let part = (steps(bytes) as usize).min(self.steps());
        Self(self.0.as_mut().and_then(|taken| taken.split(part)))
    }

    fn steps(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

fn steps(bytes: usize) -> u32 {
    u32::try_from(bytes.saturating_sub(SMALL).div_ceil(STEP)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_for_it_in_turn_but_not_for_ever() {
        let space = Space::of(10 * MB);
        let first = space.now(8 * MB).unwrap();
        assert!(space.now(8 * MB).is_none());
        let (second, third) = tokio::join!(space.wait(8 * MB), async {
            drop(first);
            space.wait(8 * MB).await
        });
        assert!(second.is_ok());
        assert_eq!(third.unwrap_err().kind(), &ErrorKind::NoRoom);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_small_needs_no_room() {
        let space = Space::of(0);
        assert!(space.now(SMALL).is_some() && space.wait(SMALL).await.is_ok());
        assert!(space.now(SMALL + 1).is_none());
    }

    #[test]
    fn what_is_kept_keeps_its_part_of_the_room() {
        let space = Space::of(10 * MB);
        let mut all = space.now(8 * MB).unwrap();
        all.shrink_to(6 * MB);
        let part = all.split(2 * MB);
        drop(all);
        assert!(space.now(8 * MB).is_some());
        assert!(space.now(9 * MB).is_none());
        drop(part);
        assert!(space.now(10 * MB).is_some());
    }
}

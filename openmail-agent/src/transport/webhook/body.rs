use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;

/// The largest body that is taken.
pub(super) const CAP: usize = 10 * 1024 * 1024;
/// The most bytes of bodies in memory at once, beside the beginnings: strangers can send bodies too.
const ROOM: usize = 128 * 1024 * 1024;
/// What a body is given room by, as it arrives. What it announces says nothing: anybody can announce much and send none of it.
const STEP: usize = 64 * 1024;
/// How much of a body needs no room: no more than its connection takes anyway, and all of most mails, which are taken however
/// much strangers send.
const BEGINNING: usize = STEP;
/// How long there may be no room.
const ROOM_WITHIN: Duration = Duration::from_secs(3);
/// How long a body may take to arrive.
const ARRIVE_WITHIN: Duration = Duration::from_secs(10);

/// How much of a refused body is read all the same, and for how long.
const DISCARD: usize = 2 * CAP;
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// Reads bodies, with a bound on each and on all of them.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A body, and the room it takes.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) bytes: Bytes,
    _room: Room,
}

/// What a body has of the room. Whoever waits for more keeps what they have, but not for long.
#[derive(Debug)]
struct Room {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self::with_room(ROOM)
    }

    fn with_room(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / STEP)))
    }

    pub(super) async fn read(&self, headers: &HeaderMap, body: &mut BodyDataStream) -> Result<Kept, Answer> {
        if content_length(headers).is_some_and(|length| length > CAP as u64) {
            return Err(Answer::TooLarge);
        }
        let (deadline, mut bytes) = (Instant::now() + ARRIVE_WITHIN, BytesMut::new());
        let mut room = Room { all: Arc::clone(&self.0), taken: None };
        loop {
            let chunk = match timeout_at(deadline, body.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(_))) => return Err(Answer::Incomplete),
                Ok(None) => return Ok(Kept { bytes: bytes.freeze(), _room: room }),
                Err(_) => return Err(Answer::TooSlow),
            };
            if bytes.len() + chunk.len() > CAP {
                return Err(Answer::TooLarge);
            }
            room.grow_to(bytes.len() + chunk.len()).await?;
            bytes.extend_from_slice(&chunk);
        }
    }
}

impl Room {
    async fn grow_to(&mut self, length: usize) -> Result<(), Answer> {
        let wanted = length.saturating_sub(BEGINNING).div_ceil(STEP);
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = wanted.checked_sub(has).filter(|more| *more > 0) else { return Ok(()) };
        let more = u32::try_from(more).map_err(|_| Answer::TooLarge)?;
        let Ok(Ok(more)) = timeout(ROOM_WITHIN, Arc::clone(&self.all).acquire_many_owned(more)).await else {
            return Err(Answer::Busy);
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads on without keeping anything, so that a client still sending gets to see the refusal.
pub(super) async fn discard(body: &mut BodyDataStream) {
    let discarded = async {
        let mut left = DISCARD;
        while let Some(Ok(chunk)) = body.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(DISCARD_WITHIN, discarded).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    /// A body that arrives in steps.
    async fn read(bodies: &Bodies, steps: usize) -> Result<Kept, Answer> {
        let chunk = Ok::<_, Infallible>(Bytes::from(vec![b'x'; STEP]));
        // Others get their turn in between.
        let chunks = stream::iter(vec![chunk; steps]).then(async |chunk| {
            tokio::task::yield_now().await;
            chunk
        });
        bodies.read(&HeaderMap::new(), &mut Body::from_stream(Box::pin(chunks)).into_data_stream()).await
    }

    #[tokio::test(start_paused = true)]
    async fn of_bodies_that_need_what_the_others_have_one_gives_way() {
        let bodies = Bodies::with_room(6 * STEP);
        let (one, other) = tokio::join!(read(&bodies, 6), read(&bodies, 6));
        let (kept, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!(refused.into_iter().map(Result::unwrap_err).collect::<Vec<_>>(), [Answer::Busy]);
        assert_eq!(kept.into_iter().map(|kept| kept.unwrap().bytes.len()).collect::<Vec<_>>(), [6 * STEP]);
        assert_eq!(bodies.0.available_permits(), 6, "all room is given back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_is_read_however_little_room_there_is() {
        let bodies = Bodies::with_room(0);
        assert_eq!(read(&bodies, 1).await.unwrap().bytes.len(), BEGINNING);
        assert_eq!(read(&bodies, 2).await.unwrap_err(), Answer::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_as_much_room_as_has_arrived_and_keeps_it_until_it_is_dropped() {
        let bodies = Bodies::with_room(10 * STEP);
        let kept = read(&bodies, 4).await.unwrap();
        assert_eq!(bodies.0.available_permits(), 7);
        drop(kept);
        assert_eq!(bodies.0.available_permits(), 10);
    }
}

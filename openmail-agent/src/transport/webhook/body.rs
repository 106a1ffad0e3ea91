use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Answer;

/// The largest body that is taken.
pub(super) const CAP: usize = 10 * 1024 * 1024;
/// The most bytes of bodies in memory at once: strangers can send bodies too.
const ROOM: usize = 128 * 1024 * 1024;
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
    _room: OwnedSemaphorePermit,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }

    pub(super) async fn read(&self, headers: &HeaderMap, body: &mut BodyDataStream) -> Result<Kept, Answer> {
        let announced = content_length(headers);
        if announced.is_some_and(|length| length > CAP as u64) {
            return Err(Answer::TooLarge);
        }
        let room = announced.and_then(|length| u32::try_from(length).ok()).unwrap_or(CAP as u32);
        let room = tokio::time::timeout(ROOM_WITHIN, self.0.clone().acquire_many_owned(room));
        let Ok(Ok(room)) = room.await else { return Err(Answer::Busy) };
        match tokio::time::timeout(ARRIVE_WITHIN, collect(body)).await {
            Ok(bytes) => Ok(Kept { bytes: bytes?, _room: room }),
            Err(_) => Err(Answer::TooSlow),
        }
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
    let _ = tokio::time::timeout(DISCARD_WITHIN, discarded).await;
}

async fn collect(chunks: &mut BodyDataStream) -> Result<Bytes, Answer> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Answer::Incomplete)?;
        if bytes.len() + chunk.len() > CAP {
            return Err(Answer::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

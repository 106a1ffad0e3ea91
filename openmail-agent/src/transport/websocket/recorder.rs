use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::failpoint::{Point, pass};
use crate::give_way::give_way;
use crate::model::{Chain, EventId};
use crate::store::{self, Bookmark};
use crate::transport::{Intake, Received, Via};

/// The most events that wait for the store.
const QUEUE: usize = 1_024;
/// The most bytes that wait for the store.
const QUEUE_BYTES: u32 = 64 * 1024 * 1024;
/// What an event takes of these at least, so that there are no more of them than that.
const EVENT_BYTES: usize = QUEUE_BYTES as usize / QUEUE;
/// The most events that are recorded in one transaction, but for those that were handed on together with the last of them.
const BATCH: usize = 256;

/// Where the reader puts events: bounded in number and in bytes.
pub(super) struct Queue {
    sender: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// Events that were handed on together.
struct Queued {
    received: Vec<Received>,
    _room: OwnedSemaphorePermit,
}

impl Queue {
    /// Waits for room and puts events in.
    pub(super) async fn put(&self, received: Vec<Received>) {
        let bytes: usize = received.iter().map(|received| received.body.len().max(EVENT_BYTES)).sum();
        let bytes = u32::try_from(bytes).unwrap_or(QUEUE_BYTES).min(QUEUE_BYTES);
        // Neither can fail while the recorder lives, and it outlives the reader.
        if let Ok(room) = self.room.clone().acquire_many_owned(bytes).await {
            let _ = self.sender.send(Queued { received, _room: room }).await;
        }
    }
}

/// Carries events from the socket's queue into the store, in order, a batch at a time.
pub(super) struct Recorder {
    queue: mpsc::Receiver<Queued>,
    intake: Intake,
    bookmark: String,
    /// The last event that the store has.
    recorded: watch::Sender<Option<EventId>>,
}

impl Recorder {
    /// A recorder, where to put what it is to record, and how far it has come.
    pub(super) fn new(intake: Intake, bookmark: String) -> (Self, Queue, watch::Receiver<Option<EventId>>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (recorded, followed) = watch::channel(None);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
        (Self { queue, intake, bookmark, recorded }, Queue { sender, room }, followed)
    }

    /// Records until the queue is closed and empty, or until the store fails once `closing` is cancelled.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        while let Some(Queued { received: mut batch, _room: mut room }) = self.queue.recv().await {
            while batch.len() < BATCH
                && let Ok(more) = self.queue.try_recv()
            {
                batch.extend(more.received);
                room.merge(more._room);
            }
            let events = batch.len();
            if !self.record(batch, &closing).await {
                warn!(events, "events were not recorded; they are replayed at the next start");
                return;
            }
            drop(room);
            // Whoever was told of them need not wait until more is read.
            give_way().await;
            self.intake.keep_pace().await;
        }
    }

    /// Records a batch, however often that takes: an event that is not recorded must not be passed by the cursor.
    async fn record(&self, batch: Vec<Received>, closing: &CancellationToken) -> bool {
        let last = batch.iter().rev().find_map(|received| received.event_id.clone());
        let bookmark = last.as_ref().map(|id| Bookmark::new(self.bookmark.clone(), id.as_str()));
        let events = self.intake.read(batch);
        for failures in 0.. {
            match self.intake.record(Some(Via::WebSocket), events.clone(), bookmark.clone()).await {
                Ok(_) => break,
                Err(error) => warn!(error = %Chain(&error), events = events.len(), "cannot record events"),
            }
            tokio::select! {
                () = tokio::time::sleep(store::BACKOFF.with_half_jitter(failures)) => {}
                () = closing.cancelled() => return false,
            }
        }
        if last.is_some() {
            self.recorded.send_replace(last);
        }
        pass(Point::Acknowledged);
        true
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::Store;
    use crate::store::troubled::TroubledStore;
    use crate::transport::tests::intake_into;

    fn event(number: usize, size: usize) -> Received {
        let body = format!(r#"{{"event":"brand.new","event_id":"evt_{number}","x":"{}"}}"#, "x".repeat(size));
        Received { event_id: Some(format!("evt_{number}").into()), ..Received::new(body, Via::WebSocket) }
    }

    /// Puts single events in for as long as there is room, and tells how many.
    fn fill(queue: &Queue, size: usize) -> usize {
        let put = |number| tokio::task::unconstrained(queue.put(vec![event(number, size)])).now_or_never();
        (0..).take_while(|number| put(*number).is_some()).count()
    }

    #[tokio::test]
    async fn no_more_events_wait_for_the_store_than_so_many_and_none_is_lost() {
        let store = Arc::new(TroubledStore::default());
        let (recorder, queue, mut recorded) = Recorder::new(intake_into(store.clone()).0, "websocket".into());
        store.recording.shut();
        let recorder = tokio::spawn(recorder.run(CancellationToken::new()));
        let put = fill(&queue, 0);
        assert_eq!(put, QUEUE);
        store.recording.came(1).await;
        assert_eq!(fill(&queue, 0), 0, "nothing makes room but the store");
        store.recording.open();
        let last = Some(EventId::from(format!("evt_{}", put - 1)));
        recorded.wait_for(|recorded| *recorded == last).await.unwrap();
        assert_eq!(store.census().await.unwrap().waiting, put as u64);
        drop(queue);
        recorder.await.unwrap();
    }

    #[tokio::test]
    async fn large_events_that_wait_for_the_store_are_fewer() {
        let (intake, _) = intake_into(Arc::new(TroubledStore::default()));
        let (_recorder, queue, _) = Recorder::new(intake, "websocket".into());
        let put = fill(&queue, QUEUE_BYTES as usize / 8);
        assert_eq!(put, 7, "as many as fit");
    }
}

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{Bookmark, ErrorKind, NewEvent, Recorded, Result, StoreError};

use super::pool::Pool;
use super::record::Record;

/// How many events share a transaction at most.
const BATCH: usize = 1_000;

/// How many calls may wait.
const QUEUE: usize = 1_024;

/// Lets calls that wait at the same time share a commit.
#[derive(Debug)]
pub(super) struct Recorder {
    calls: mpsc::Sender<Call>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Call {
    events: Vec<NewEvent>,
    bookmark: Option<Bookmark>,
    answer: oneshot::Sender<Result<Vec<Recorded>>>,
}

impl Recorder {
    pub(super) fn start(pool: Pool) -> Self {
        let (calls, waiting) = mpsc::channel(QUEUE);
        Self { calls, _task: AbortOnDropHandle::new(tokio::spawn(run(pool, waiting))) }
    }

    pub(super) async fn record(
        &self,
        events: Vec<NewEvent>,
        bookmark: Option<Bookmark>,
    ) -> Result<Vec<Recorded>> {
        let (answer, answered) = oneshot::channel();
        let call = Call { events, bookmark, answer };
        self.calls.send(call).await.map_err(|_| ErrorKind::Closed)?;
        answered.await.map_err(|_| ErrorKind::Unavailable)?
    }
}

async fn run(pool: Pool, mut waiting: mpsc::Receiver<Call>) {
    while let Some(first) = waiting.recv().await {
        let mut size = first.events.len();
        let mut calls = vec![first];
        while size < BATCH
            && let Ok(call) = waiting.try_recv()
        {
            size += call.events.len();
            calls.push(call);
        }
        commit(&pool, calls).await;
    }
}

async fn commit(pool: &Pool, calls: Vec<Call>) {
    let record = Record {
        events: calls.iter().flat_map(|call| &call.events).cloned().collect(),
        bookmarks: calls.iter().filter_map(|call| call.bookmark.clone()).collect(),
    };
    match pool.transact(&record).await {
        Ok(verdicts) => {
            let mut verdicts = verdicts.into_iter();
            for call in calls {
                let own = verdicts.by_ref().take(call.events.len()).collect();
                // The caller may have gone away; it is recorded all the same.
                let _ = call.answer.send(Ok(own));
            }
        }
        // What the database refuses is the fault of one call, and must not be the others'.
        Err(error) if !error.is_transient() && calls.len() > 1 => {
            for call in calls {
                Box::pin(commit(pool, vec![call])).await;
            }
        }
        Err(error) => {
            let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            for call in calls {
                let _ = call.answer.send(Err(StoreError::because(*error.kind(), reason.clone())));
            }
        }
    }
}

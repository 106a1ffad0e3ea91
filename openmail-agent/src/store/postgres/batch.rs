use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{Result, StoreError, StoreErrorKind};

use super::pool::{Pool, Tx, Verb};
use super::trouble::Trouble;

/// How much shares a transaction at most.
const BATCH: usize = 1_000;

/// How many calls may wait.
const QUEUE: usize = 1_024;

/// Lets calls that wait at the same time share a transaction, and so its round trips and its commit.
#[derive(Debug)]
pub(super) struct Batcher<C: Shared> {
    calls: mpsc::Sender<(C, Answer<C>)>,
    _task: AbortOnDropHandle<()>,
}

/// A call that can share a transaction with others of its kind.
#[async_trait]
pub(super) trait Shared: Send + Sync + Sized + 'static {
    type Answer: Send + Sync + 'static;

    /// How much of a batch it takes.
    fn size(&self) -> usize;

    /// Does what all of them ask, and answers each in order; `None` where its lease is lost, and nothing was done.
    async fn run_all(calls: &[Self], tx: &Tx<'_>) -> Result<Vec<Option<Self::Answer>>, Trouble>;
}

type Answer<C> = oneshot::Sender<Result<<C as Shared>::Answer>>;

impl<C: Shared> Batcher<C> {
    pub(super) fn start(pool: Pool) -> Self {
        let (calls, waiting) = mpsc::channel(QUEUE);
        Self { calls, _task: AbortOnDropHandle::new(tokio::spawn(run(pool, waiting))) }
    }

    /// Answers after the commit. A caller that goes away meanwhile changes nothing.
    pub(super) async fn call(&self, call: C) -> Result<C::Answer> {
        let (answer, answered) = oneshot::channel();
        self.calls.send((call, answer)).await.map_err(|_| StoreErrorKind::Closed)?;
        answered.await.map_err(|_| StoreErrorKind::Unavailable)?
    }
}

/// Calls in one transaction.
struct Together<C>(Vec<C>);

#[async_trait]
impl<C: Shared> Verb for Together<C> {
    type Answer = Vec<Option<C::Answer>>;

    async fn run(&self, tx: &Tx<'_>) -> Result<Self::Answer, Trouble> {
        C::run_all(&self.0, tx).await
    }
}

async fn run<C: Shared>(pool: Pool, mut waiting: mpsc::Receiver<(C, Answer<C>)>) {
    while let Some((first, answer)) = waiting.recv().await {
        let mut size = first.size();
        let (mut calls, mut answers) = (vec![first], vec![answer]);
        while size < BATCH
            && let Ok((call, answer)) = waiting.try_recv()
        {
            size += call.size();
            calls.push(call);
            answers.push(answer);
        }
        commit(&pool, calls, answers).await;
    }
}

async fn commit<C: Shared>(pool: &Pool, calls: Vec<C>, answers: Vec<Answer<C>>) {
    let together = Together(calls);
    match pool.try_transact(&together).await {
        Ok(results) => {
            for (result, answer) in results.into_iter().zip(answers) {
                // The caller may have gone away; it is done all the same.
                let _ = answer.send(result.ok_or_else(|| StoreErrorKind::LeaseLost.into()));
            }
        }
        // What the database refuses is the fault of one call, and must not be the others'.
        Err(trouble) if trouble.is_of_call() && answers.len() > 1 => {
            for (call, answer) in together.0.into_iter().zip(answers) {
                Box::pin(commit(pool, vec![call], vec![answer])).await;
            }
        }
        Err(trouble) => {
            let error = StoreError::from(trouble);
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

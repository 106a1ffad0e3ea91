use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};
use crate::store::book::Book;
use crate::store::{
    Bookmark, Census, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope,
    Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, Store, StoreError,
    StoreErrorKind, WorkerId,
};

use super::open::open;
use super::shelf::SqliteShelf;
use super::writer::{Call, Message, Writer};

/// How many calls may wait for the writer before the next one waits for a place.
const WAITING_CALLS: usize = 1024;

/// A store in a SQLite file, which belongs to this process alone while it is open.
///
/// A lease that lapsed can still be settled until somebody else takes the event. After a failure the store goes on by
/// itself once the trouble has passed.
///
/// Dropping the store waits for the calls made before to reach the disk; [`close`](Self::close) does so without holding
/// up the thread.
#[derive(Debug)]
pub struct SqliteStore {
    /// `None` while dropping.
    calls: Option<mpsc::Sender<Message>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the file, or makes it, readable by this user only.
    ///
    /// # Errors
    ///
    /// - [`Occupied`](StoreErrorKind::Occupied) when another process has it open.
    /// - [`Corrupt`](StoreErrorKind::Corrupt) when it is damaged, another program's, or a newer version's.
    /// - [`Unavailable`](StoreErrorKind::Unavailable) when it cannot be made or written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the file is opened to the end and given free at once; nothing in it is lost.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (calls, waiting) = mpsc::channel(WAITING_CALLS);
        let (opened, opening) = oneshot::channel();
        let path = path.as_ref().to_owned();
        let writer = thread::Builder::new()
            .name("openmail-store".into())
            .spawn(move || serve(path, waiting, opened))
            .map_err(|error| StoreError::because(StoreErrorKind::Unavailable, error))?;
        opening.await.map_err(|_| StoreErrorKind::Closed)??;
        Ok(Self { calls: Some(calls), writer: Mutex::new(Some(writer)) })
    }

    /// Waits for the calls made before, writes all to the disk and gives the file free. Calls made later fail with
    /// [`Closed`](StoreErrorKind::Closed).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the store may stay open until it is dropped itself.
    pub async fn close(&self) {
        if let Some(calls) = &self.calls {
            // An error means that it is closed.
            let _ = calls.send(Message::Close).await;
        }
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = tokio::task::spawn_blocking(|| writer.join()).await;
        }
    }

    /// Runs a verb on the writer's thread, and answers when it is on the disk.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Book, &mut SqliteShelf<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(|answer| Message::Verb(Box::new(Call::new(verb, answer)))).await
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<Result<T>>) -> Message) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let calls = self.calls.as_ref().ok_or(StoreErrorKind::Closed)?;
        calls.send(message(answer)).await.map_err(|_| StoreErrorKind::Closed)?;
        answered.await.map_err(|_| StoreErrorKind::Closed)?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.calls = None;
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = writer.map(JoinHandle::join) {
            tracing::error!("the store's writer panicked");
        }
    }
}

fn serve(path: PathBuf, waiting: mpsc::Receiver<Message>, opened: oneshot::Sender<Result<()>>) {
    let writer = open(&path).and_then(|file| Ok(Writer::new(file, waiting)?));
    // Where nobody waits for the answer any more, nobody can call either, and the writer ends at once.
    match writer {
        Ok(writer) => {
            let _ = opened.send(Ok(()));
            writer.run();
        }
        Err(error) => {
            let _ = opened.send(Err(error));
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        self.call(|book, shelf| book.record(shelf, events, bookmark)).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        self.call(move |book, shelf| book.bookmark(shelf, &name)).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        let worker = worker.clone();
        let beat = move |book: &mut Book, shelf: &mut SqliteShelf<'_>| {
            shelf.leases.fall_due();
            Ok(book.heartbeat(&worker, now))
        };
        self.call(beat).await
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        let worker = worker.clone();
        self.call(move |book, shelf| book.retire(shelf, &worker, now)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        self.ask(|answer| Message::Lease(request, answer)).await
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        let lease = lease.clone();
        self.call(move |book, _| book.is_overtaken(&lease)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<()> {
        self.call(|book, shelf| book.settle(shelf, settlement)).await
    }

    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        let lease = lease.clone();
        self.call(move |book, shelf| book.owe(shelf, &lease, sends)).await
    }

    async fn remember(&self, lease: &Lease, note: Note) -> Result<()> {
        let lease = lease.clone();
        self.call(move |book, shelf| book.remember(shelf, &lease, note)).await
    }

    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>> {
        let scope = scope.clone();
        self.call(move |book, shelf| book.recall(shelf, &scope)).await
    }

    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations> {
        self.call(move |book, shelf| book.reserve(shelf, &request)).await
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
        self.call(|book, shelf| book.settle_send(shelf, settlement)).await
    }

    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>> {
        let key = key.clone();
        self.call(move |book, shelf| book.send_state(shelf, &key)).await
    }

    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance> {
        let (inbox, quotas) = (inbox.clone(), *quotas);
        self.call(move |book, _| Ok(book.allowance(&inbox, &quotas, now))).await
    }

    async fn hold(&self, hold: Hold) -> Result<()> {
        self.call(|book, shelf| book.hold(shelf, hold)).await
    }

    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()> {
        let scope = scope.clone();
        self.call(move |book, shelf| book.release(shelf, &scope, as_of)).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize> {
        self.call(move |book, shelf| book.prune(shelf, before, now, limit)).await
    }

    async fn census(&self) -> Result<Census> {
        self.call(|book, _| Ok(book.census())).await
    }

    async fn claim(&self, _role: &str, _worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        Ok(until > now)
    }

    fn poll_every(&self) -> Option<Duration> {
        None
    }
}

use tokio::sync::{mpsc, oneshot};

use crate::failpoint::{Point, pass};
use crate::store::book::Book;
use crate::store::{ErrorKind, Result};

use super::failure::Failure;
use super::load::load;
use super::open::Opened;
use super::shelf::SqliteShelf;

/// How many verbs share a transaction at most.
const BATCH: usize = 512;

/// Owns the file and the book, and runs verbs on them until told to close or nobody can call any more.
#[derive(Debug)]
pub(super) struct Writer {
    file: Opened,
    book: Book,
    /// Whether the book may say what the file does not hold, until it is made anew.
    is_ahead: bool,
    verbs: mpsc::Receiver<Message>,
}

pub(super) enum Message {
    Verb(Box<dyn Verb>),
    /// Take no more calls; what was called before is done.
    Close,
}

/// A call that waits for its turn, and then for the commit.
pub(super) trait Verb: Send {
    /// Runs within a transaction; fails if that must be undone.
    fn run(&mut self, book: &mut Book, shelf: &mut SqliteShelf<'_>) -> Result<(), Failure>;
    /// Tells the caller, now that the transaction was committed or undone.
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

/// The [`Verb`] of a function on the book.
pub(super) struct Call<F, T> {
    verb: Option<F>,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl Writer {
    pub(super) fn new(file: Opened, verbs: mpsc::Receiver<Message>) -> Result<Self, Failure> {
        // Every opening has numbers of its own, so that a lease from before the last restart fits nothing.
        let book = load(&file.connection, Book::new(file.openings << 32))?;
        Ok(Self { file, book, is_ahead: false, verbs })
    }

    pub(super) fn run(mut self) {
        while let Some(message) = self.verbs.blocking_recv() {
            match message {
                Message::Verb(first) => self.run_batch(first),
                Message::Close => self.verbs.close(),
            }
        }
    }

    fn run_batch(&mut self, first: Box<dyn Verb>) {
        let mut batch = Vec::with_capacity(16);
        let committed = self.commit(first, &mut batch);
        if committed.is_err() {
            self.undo();
        }
        for verb in batch {
            verb.answer(committed.clone());
        }
    }

    /// Runs what waits in one transaction; `batch` is what was run.
    fn commit(&mut self, first: Box<dyn Verb>, batch: &mut Vec<Box<dyn Verb>>) -> Result<(), Failure> {
        batch.push(first);
        if self.is_ahead {
            self.book = load(&self.file.connection, self.book.successor())?;
            self.is_ahead = false;
        }
        let Self { file, book, verbs, .. } = self;
        let mut shelf = SqliteShelf(&file.connection);
        file.connection.prepare_cached("BEGIN")?.execute(())?;
        let mut next = 0;
        while let Some(verb) = batch.get_mut(next) {
            verb.run(book, &mut shelf)?;
            next += 1;
            if next < BATCH
                && let Ok(message) = verbs.try_recv()
            {
                match message {
                    Message::Verb(verb) => batch.push(verb),
                    Message::Close => verbs.close(),
                }
            }
        }
        pass(Point::Committing);
        file.connection.prepare_cached("COMMIT")?.execute(())?;
        pass(Point::Committed);
        Ok(())
    }

    fn undo(&mut self) {
        if !self.file.connection.is_autocommit()
            && let Err(error) = self.file.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "the store could not undo a transaction");
        }
        self.is_ahead = true;
    }
}

impl<F, T> Call<F, T> {
    pub(super) fn new(verb: F, answer: oneshot::Sender<Result<T>>) -> Self {
        Self { verb: Some(verb), result: None, answer }
    }
}

impl<F, T> Verb for Call<F, T>
where
    F: FnOnce(&mut Book, &mut SqliteShelf<'_>) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, book: &mut Book, shelf: &mut SqliteShelf<'_>) -> Result<(), Failure> {
        let Some(verb) = self.verb.take() else { return Ok(()) };
        let result = verb(book, shelf);
        let spoiled = result.as_ref().err().and_then(Failure::spoiling);
        self.result = Some(result);
        spoiled.map_or(Ok(()), Err)
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let result = match (committed, self.result) {
            (Err(failure), _) => Err(failure.into()),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(ErrorKind::Unavailable.into()),
        };
        // The caller may have gone away; the verb is done all the same.
        let _ = self.answer.send(result);
    }
}

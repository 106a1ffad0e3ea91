use tokio::sync::{mpsc, oneshot};

use crate::failpoint::{Point, pass};
use crate::store::book::Book;
use crate::store::{EventSeq, LeaseRequest, Leases, Result, StoreErrorKind};

use super::failure::Failure;
use super::leases::LeaseLog;
use super::load::load;
use super::open::Opened;
use super::recent::Recent;
use super::shelf::SqliteShelf;

/// How many verbs share a transaction at most.
const BATCH: usize = 512;

/// Owns the file and the book, and runs verbs on them until told to close or nobody can call any more.
pub(super) struct Writer {
    file: Opened,
    book: Book,
    leases: LeaseLog,
    recent: Recent,
    /// Whether the book may say what the file does not hold, until it is made anew.
    is_ahead: bool,
    /// Whether the last thing that was to be written was written.
    writes: bool,
    /// The last event that was there when the file was opened.
    inherited: EventSeq,
    calls: mpsc::Receiver<Message>,
    /// Calls that wait for the next transaction.
    asked: Vec<Ask>,
    verbs: Vec<Box<dyn Verb>>,
}

pub(super) enum Message {
    Verb(Box<dyn Verb>),
    Lease(LeaseRequest, oneshot::Sender<Result<Leases>>),
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

/// Somebody who asks for events. They are served first, from what is on the disk already.
#[derive(Debug)]
struct Ask {
    request: LeaseRequest,
    /// What was found, until the answer goes out.
    result: Option<Result<Leases>>,
    /// `None` when it went out already.
    answer: Option<oneshot::Sender<Result<Leases>>>,
}

impl Writer {
    pub(super) fn new(file: Opened, calls: mpsc::Receiver<Message>) -> Result<Self, Failure> {
        // Every opening has numbers of its own, so that a lease from before the last restart fits nothing.
        let book = load(&file.connection, Book::new(file.openings << 32))?;
        Ok(Self {
            file,
            inherited: book.latest_event(),
            book,
            leases: LeaseLog::default(),
            recent: Recent::default(),
            is_ahead: false,
            writes: true,
            calls,
            asked: Vec::new(),
            verbs: Vec::new(),
        })
    }

    pub(super) fn run(mut self) {
        while self.gather() {
            self.run_batch();
        }
        if let Err(error) = self.name_leases() {
            tracing::warn!(%error, "the store could not note which events were being handled at the end");
        }
    }

    /// Tells the file what is still leased at the end, if no transaction since has.
    fn name_leases(&mut self) -> rusqlite::Result<()> {
        let transaction = self.file.connection.unchecked_transaction()?;
        self.leases.write(&transaction)?;
        transaction.commit()
    }

    /// Waits for a call and takes what came with it, or tells that nobody can call any more.
    fn gather(&mut self) -> bool {
        if self.asked.is_empty() && self.verbs.is_empty() {
            let Some(call) = self.calls.blocking_recv() else { return false };
            self.take(call);
        }
        while self.verbs.len() < BATCH
            && let Ok(call) = self.calls.try_recv()
        {
            self.take(call);
        }
        true
    }

    fn take(&mut self, call: Message) {
        match call {
            Message::Verb(verb) => self.verbs.push(verb),
            Message::Lease(request, answer) => {
                self.asked.push(Ask { request, result: None, answer: Some(answer) });
            }
            Message::Close => self.calls.close(),
        }
    }

    fn run_batch(&mut self) {
        let (mut asked, mut verbs) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.verbs));
        let committed = self.commit(&mut asked, &mut verbs);
        match committed {
            Ok(()) => self.leases.commit(),
            Err(_) => self.undo(),
        }
        for ask in asked {
            ask.answer(committed.clone());
        }
        for verb in verbs {
            verb.answer(committed.clone());
        }
    }

    /// Runs what waits in one transaction, and whatever verbs come meanwhile.
    fn commit(&mut self, asked: &mut [Ask], verbs: &mut Vec<Box<dyn Verb>>) -> Result<(), Failure> {
        if self.is_ahead {
            self.book = load(&self.file.connection, self.book.successor())?;
            self.leases.restore(&mut self.book);
            self.is_ahead = false;
        }
        let changes = self.file.connection.total_changes();
        self.file.connection.prepare_cached("BEGIN")?.execute(())?;
        for ask in &mut *asked {
            self.lease(ask)?;
        }
        let mut next = 0;
        while let Some(verb) = verbs.get_mut(next) {
            let Self { file, book, leases, recent, .. } = self;
            verb.run(book, &mut SqliteShelf { connection: &file.connection, leases, recent })?;
            next += 1;
            if next < BATCH
                && let Ok(call) = self.calls.try_recv()
            {
                self.take(call);
                verbs.append(&mut self.verbs);
            }
        }
        // Nobody waits for the file to name what is leased: the next transaction that writes does, unless all is settled by then.
        // The heartbeat has it do so, so that a try counts after a few seconds at the latest.
        let writes = self.file.connection.total_changes() != changes;
        if writes || self.leases.are_due() || asked.iter().any(|ask| ask.answer.is_some()) {
            self.leases.write(&self.file.connection)?;
        }
        pass(Point::Committing);
        self.file.connection.prepare_cached("COMMIT")?.execute(())?;
        pass(Point::Committed);
        self.writes |= self.file.connection.total_changes() != changes;
        Ok(())
    }

    fn lease(&mut self, ask: &mut Ask) -> Result<(), Failure> {
        let Self { file, book, leases, recent, .. } = self;
        let Some(answer) = ask.answer.take_if(|answer| !answer.is_closed()) else { return Ok(()) };
        let mark = leases.mark();
        let found =
            book.lease(&mut SqliteShelf { connection: &file.connection, leases, recent }, &ask.request);
        match found {
            // Where the disk fails, this waits too, so that nothing is begun over and over that cannot be ended.
            Ok(found) if self.writes && self.are_fresh(&found) => {
                self.leases.promise(mark);
                // The caller may have gone away at this moment; its worker then has what it does not know of.
                let _ = answer.send(Ok(found));
                Ok(())
            }
            found => {
                let spoiled = found.as_ref().err().and_then(Failure::spoiling);
                (ask.result, ask.answer) = (Some(found), Some(answer));
                spoiled.map_or(Ok(()), Err)
            }
        }
    }

    /// Whether none of them was tried before, as far as anybody knows.
    fn are_fresh(&self, leased: &Leases) -> bool {
        leased.events.iter().all(|leased| leased.attempt == 1 && leased.lease.seq > self.inherited)
    }

    fn undo(&mut self) {
        self.writes = false;
        if !self.file.connection.is_autocommit()
            && let Err(error) = self.file.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "the store could not undo a transaction");
        }
        self.leases.undo();
        self.recent.clear();
        self.is_ahead = true;
    }
}

impl Ask {
    fn answer(self, committed: Result<(), Failure>) {
        if let Some(answer) = self.answer {
            let _ = answer.send(conclude(committed, self.result));
        }
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
        // The caller may have gone away; the verb is done all the same.
        let _ = self.answer.send(conclude(committed, self.result));
    }
}

fn conclude<T>(committed: Result<(), Failure>, result: Option<Result<T>>) -> Result<T> {
    match (committed, result) {
        (Ok(()), result) => result.unwrap_or_else(|| Err(StoreErrorKind::Unavailable.into())),
        (Err(_), Some(Err(own))) if Failure::spoiling(&own).is_some() => Err(own),
        (Err(failure), _) => Err(failure.of_another().into()),
    }
}

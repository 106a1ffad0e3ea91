//! Calls handlers: how many at once, for how long, and behind what.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::handler::{Context, Error, Outcome};
use crate::router::{Entry, Router};
use crate::store::Leased;

/// How many events wait for a bounded handler with their leases in hand; more are put back, so that they keep no other
/// handler of the inbox from its turn.
const WAITING: usize = 8;

/// The most a handler is told before its time is up, so that it can end by itself.
const NOTICE: Duration = Duration::from_secs(5);

/// Lets so many events into a handler at once as it allows, and of those that may have ended the process one.
pub(super) struct Admission {
    bounded: HashMap<Arc<str>, Gate>,
    suspects: Arc<Semaphore>,
    undecided: Arc<Tally>,
}

/// How many events are in hand of which it is not known yet whether they may have ended the process.
#[derive(Default)]
struct Tally {
    count: AtomicUsize,
    fewer: Notify,
}

/// An event that was tried before, and may have ended the process then. To be dropped once it is known not to be suspected, or was
/// settled.
pub(super) struct Undecided(Arc<Tally>);

impl Drop for Undecided {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.fewer.notify_waiters();
    }
}

struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// What came of asking for a place.
pub(super) enum Passage {
    /// It is free, and taken for as long as this lives.
    In(Option<OwnedSemaphorePermit>),
    /// None is free, and enough others wait.
    Full,
    /// The runtime stops.
    Stopping,
}

impl Admission {
    pub(super) fn new(router: &Router) -> Self {
        let bounded = router.entries().iter().filter_map(|entry| {
            let places = Arc::new(Semaphore::new(entry.concurrency()?.min(Semaphore::MAX_PERMITS)));
            Some((Arc::clone(entry.name()), Gate { places, waiting: AtomicUsize::new(0) }))
        });
        Self { bounded: bounded.collect(), suspects: Arc::new(Semaphore::new(1)), undecided: Arc::default() }
    }

    /// To be asked as soon as an event is leased.
    pub(super) fn take_up(&self, leased: &Leased) -> Option<Undecided> {
        (leased.attempt > 1).then(|| {
            self.undecided.count.fetch_add(1, Ordering::AcqRel);
            Undecided(Arc::clone(&self.undecided))
        })
    }

    /// Waits until nothing else is undecided. A try of each that was leased has been counted: those that are put back take theirs back
    /// first, or whatever ends the process at once would use up theirs with its own.
    pub(super) async fn nothing_else_undecided(&self) {
        loop {
            let mut fewer = pin!(self.undecided.fewer.notified());
            fewer.as_mut().enable();
            if self.undecided.count.load(Ordering::Acquire) <= 1 {
                return;
            }
            fewer.await;
        }
    }

    pub(super) fn is_full(&self, entry: &Entry) -> bool {
        self.bounded.get(entry.name()).is_some_and(Gate::is_full)
    }

    /// Whether there is no place for another suspect.
    pub(super) fn have_suspect(&self) -> bool {
        self.suspects.available_permits() == 0
    }

    /// The one place for what may have ended the process, unless it is taken: whichever it is must not take the others with it
    /// until they are all given up.
    pub(super) fn pass_suspect(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.suspects).try_acquire_owned().ok()
    }

    pub(super) async fn pass(&self, entry: &Entry, stopping: &CancellationToken) -> Passage {
        if stopping.is_cancelled() {
            return Passage::Stopping;
        }
        let Some(gate) = self.bounded.get(entry.name()) else { return Passage::In(None) };
        if gate.is_full() {
            return Passage::Full;
        }
        let _waiting = Waiting::new(&gate.waiting);
        tokio::select! {
            biased;
            () = stopping.cancelled() => Passage::Stopping,
            permit = Arc::clone(&gate.places).acquire_owned() => Passage::In(permit.ok()),
        }
    }
}

impl Gate {
    fn is_full(&self) -> bool {
        self.places.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= WAITING
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs the handler within its time, a panic caught.
///
/// A handler that blocks its thread holds up no other event as long as there are more threads than such handlers: others are on
/// [their way](super::crew::Crew) to what is left. It cannot be stopped either: its time is over when it lets go, and what it came to
/// counts.
pub(super) async fn run(entry: &Entry, context: &Context) -> Result<Outcome, Error> {
    let mut call = Box::pin(AssertUnwindSafe(entry.service().oneshot(context.clone())).catch_unwind());
    let notice = NOTICE.min(entry.timeout() / 10);
    let ended = match timeout(entry.timeout() - notice, &mut call).await {
        Ok(ended) => Ok(ended),
        Err(_) => {
            context.cancellation().cancel();
            timeout(notice, &mut call).await
        }
    };
    match ended {
        Ok(Ok(Ok(outcome))) => Ok(outcome),
        Ok(Err(panic)) => Err(Error::msg(panic_message(&*panic))),
        Err(_) => {
            // What it drops may panic too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(call)));
            let limit = humantime::format_duration(entry.timeout());
            Err(Error::msg(format!("it did not finish within {limit}")))
        }
    }
}

pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let words =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", words.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::handler::States;
    use crate::router::{Route, RouterFacts};

    #[tokio::test]
    async fn a_bound_that_bounds_nothing_is_one_too() {
        let route = Route::new("agent", async || {}).concurrency(usize::MAX);
        let (bindings, states) = (BTreeMap::new(), States::default());
        let router = Router::build(vec![route], &RouterFacts::new(&[], &bindings, &states)).unwrap();
        let passage = Admission::new(&router).pass(&router.entries()[0], &CancellationToken::new()).await;
        assert!(matches!(passage, Passage::In(Some(_))));
    }
}

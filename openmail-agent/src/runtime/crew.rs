//! Handles what was leased, by as few tasks as will do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::give_way::give_way;
use crate::store::Leased;

use super::work::Workbench;

/// How many events a hand handles before it lets what else is ready run.
const AT_A_STRETCH: usize = 16;

/// What was leased, and the tasks that handle it, the *hands*.
///
/// Most handlers end as soon as they have begun, or wait for long. A task for each event costs more than all else that is done for
/// one of the first kind, so a hand takes one event after the other. Whoever begins has others called first who take over
/// what is left, so that no event waits for the handler of another: whether that waits, computes, or blocks its thread.
pub(super) struct Crew {
    bench: Arc<Workbench>,
    queue: Mutex<Queue>,
    /// Events that wait in the queue or are being handled.
    in_hand: AtomicUsize,
    /// Rung when more hands are wanted.
    bell: Notify,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Leased>,
    /// Hands that were called and have not begun yet.
    called: usize,
    /// How many were called last.
    last_call: usize,
}

impl Crew {
    pub(super) fn new(bench: Arc<Workbench>) -> Self {
        Self { bench, queue: Mutex::default(), in_hand: AtomicUsize::new(0), bell: Notify::new() }
    }

    /// Events that were leased and are not settled yet.
    pub(super) fn in_hand(&self) -> usize {
        self.in_hand.load(Ordering::Relaxed)
    }

    /// Takes events that were leased.
    pub(super) fn put(&self, events: Vec<Leased>) {
        self.in_hand.fetch_add(events.len(), Ordering::Relaxed);
        let mut queue = self.queue();
        queue.events.extend(events);
        queue.last_call = 0;
    }

    /// Waits until more hands are wanted.
    pub(super) async fn calls(&self) {
        self.bell.notified().await;
    }

    /// How many hands are wanted now, which are to begin at once: twice as many each time, since where one waits the next
    /// is likely to wait too.
    pub(super) fn call(&self) -> usize {
        let mut queue = self.queue();
        if queue.called == 0 && !queue.events.is_empty() {
            queue.called = (2 * queue.last_call).clamp(1, queue.events.len());
            queue.last_call = queue.called;
            queue.called
        } else {
            0
        }
    }

    /// What a hand does: handles events for as long as there are any.
    pub(super) async fn work(self: Arc<Self>) {
        let Some((mut leased, has_heirs)) = self.begin() else { return };
        if !has_heirs {
            self.bell.notify_one();
            give_way().await;
        }
        let mut handled = 0_usize;
        loop {
            let settled = scopeguard::guard(&self.in_hand, |in_hand| {
                in_hand.fetch_sub(1, Ordering::Relaxed);
            });
            self.bench.handle(leased).await;
            drop(settled);
            match self.next() {
                Some(next) => leased = next,
                None => return,
            }
            handled += 1;
            if handled % AT_A_STRETCH == 0 {
                give_way().await;
            }
        }
    }

    /// The first event of a hand, and whether there is somebody to take over what is left, should there be any.
    fn begin(&self) -> Option<(Leased, bool)> {
        let mut queue = self.queue();
        queue.called = queue.called.saturating_sub(1);
        let leased = queue.events.pop_front()?;
        Some((leased, queue.called > 0 || queue.events.is_empty()))
    }

    fn next(&self) -> Option<Leased> {
        self.queue().events.pop_front()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Handles what was leased, by as few tasks as will do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::give_way::give_way;
use crate::store::Leased;

use super::call::Undecided;
use super::work::Workbench;

/// The events that were leased, and what the tasks that handle them have in common.
///
/// Most handlers end as soon as they have begun, or wait for long. A task for each event costs more than all else that is done for
/// one of the first kind, so a task handles one event after the other. No event waits for the handler of another all the same,
/// whether that waits, computes, or blocks its thread: as long as there are events in the queue, a task that has not begun yet is
/// on its way to them. The last one that begins has more of them called first.
pub(super) struct Crew {
    bench: Arc<Workbench>,
    queue: Mutex<Queue>,
    /// Rung when tasks are wanted.
    wanted: Notify,
    /// Rung when there is nothing left to begin with, and something has ended of which nobody was told.
    run_out: Notify,
}

/// An event that was leased, and whether it may be one that ends the process.
type Taken = (Leased, Option<Undecided>);

#[derive(Default)]
struct Queue {
    events: VecDeque<Taken>,
    /// Events that wait here or are being handled.
    in_hand: usize,
    /// Tasks that were called and have not begun yet.
    on_their_way: usize,
    /// How many were called last.
    last_call: usize,
    /// Whether an event has ended of which the dispatcher does not know: the task that handled it went on.
    has_untold: bool,
}

impl Crew {
    pub(super) fn new(bench: Arc<Workbench>) -> Self {
        Self { bench, queue: Mutex::default(), wanted: Notify::new(), run_out: Notify::new() }
    }

    /// Events that were leased and are not settled yet.
    pub(super) fn in_hand(&self) -> usize {
        self.queue().in_hand
    }

    /// How many more events may be in hand, of so many in all. What ends from now on is told of anew.
    pub(super) fn room(&self, in_all: usize) -> usize {
        let mut queue = self.queue();
        queue.has_untold = false;
        in_all.saturating_sub(queue.in_hand)
    }

    /// Takes events that were leased.
    pub(super) fn put(&self, events: Vec<Leased>) {
        if events.is_empty() {
            return;
        }
        let mut queue = self.queue();
        queue.in_hand += events.len();
        queue.events.extend(events.into_iter().map(|leased| {
            let undecided = self.bench.admission.take_up(&leased);
            (leased, undecided)
        }));
        queue.last_call = 0;
    }

    /// Waits until tasks are wanted.
    pub(super) async fn are_wanted(&self) {
        self.wanted.notified().await;
    }

    /// Waits until there may be room, or a thread may be free, for events that were not leased.
    pub(super) async fn has_run_out(&self) {
        self.run_out.notified().await;
    }

    /// How many tasks to call now: twice as many each time, since where one handler waits the next is likely to wait too.
    pub(super) fn call(&self) -> usize {
        let mut queue = self.queue();
        if queue.on_their_way > 0 || queue.events.is_empty() {
            return 0;
        }
        queue.last_call = (2 * queue.last_call).clamp(1, queue.events.len());
        queue.on_their_way = queue.last_call;
        queue.on_their_way
    }

    /// What a task does: handles events for as long as there are any.
    pub(super) async fn work(self: Arc<Self>) {
        let Some(((mut leased, mut undecided), has_told)) = self.begin() else { return };
        if has_told {
            give_way().await;
        }
        loop {
            let ended = scopeguard::guard(&self, |crew| crew.end());
            self.bench.handle(leased, undecided).await;
            drop(ended);
            let Some(next) = self.go_on() else { return };
            (leased, undecided) = next;
            // Whoever was woken by the one, as whoever sends its replies, must not wait for the handler of the next.
            give_way().await;
        }
    }

    /// The first event of a task, and whether the dispatcher was told: that more tasks are wanted, or that there may be room.
    fn begin(&self) -> Option<(Taken, bool)> {
        let mut queue = self.queue();
        queue.on_their_way = queue.on_their_way.saturating_sub(1);
        let taken = queue.events.pop_front()?;
        let must_call = queue.on_their_way == 0 && !queue.events.is_empty();
        if must_call {
            self.wanted.notify_one();
        }
        let may_have_room = self.tell(&queue);
        Some((taken, must_call || may_have_room))
    }

    /// The next event of a task.
    fn go_on(&self) -> Option<Taken> {
        let mut queue = self.queue();
        let taken = queue.events.pop_front()?;
        queue.has_untold = true;
        self.tell(&queue);
        Some(taken)
    }

    fn end(&self) {
        self.queue().in_hand -= 1;
    }

    /// Tells the dispatcher of what has ended, at the latest when nothing else is left to begin with: a task that ends does so
    /// by itself, and until then one that goes on has enough to do.
    fn tell(&self, queue: &Queue) -> bool {
        let tells = queue.has_untold && queue.events.is_empty();
        if tells {
            self.run_out.notify_one();
        }
        tells
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

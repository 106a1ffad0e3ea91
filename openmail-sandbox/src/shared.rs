//! What every task of a sandbox holds in common.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::world::{World, until};

#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    changed: watch::Sender<()>,
    pub(crate) http: reqwest::Client,
    pub(crate) stopped: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    pub(crate) fn new(world: World, http: reqwest::Client) -> Self {
        Self {
            world: Mutex::new(world),
            changed: watch::Sender::new(()),
            http,
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Looks at the world without waking anyone.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the world and wakes whoever waits for it to change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.send_replace(());
        outcome
    }

    /// Changes the world in a way that nobody waits for.
    pub(crate) fn change_quietly<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.lock())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits in sandbox time: real time passes, and so does what a test adds.
    pub(crate) async fn sleep_until(&self, then: Timestamp) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let left = until(self.read(World::now), then);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// A panic elsewhere leaves the world readable, so that a test can still say what it saw.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

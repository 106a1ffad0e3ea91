use std::collections::HashMap;

use jiff::Timestamp;

use crate::clock;
use crate::store::{WORKER_LIFE, WorkerId};

use super::interner::Interner;
use super::{ceil_ms, floor_ms};

/// Who is alive. What a worker has stands for as long as it is here.
#[derive(Debug, Clone, Default)]
pub(super) struct Workers {
    names: Interner<WorkerId>,
    /// When the heartbeat of each lapses that was not yet found to have lapsed.
    lapses: HashMap<u32, i64>,
}

impl Workers {
    /// A heartbeat; tells whether the one before still stood.
    pub(super) fn beat(&mut self, worker: &WorkerId, now: Timestamp) -> bool {
        let lapse = ceil_ms(clock::after(now, WORKER_LIFE));
        let before = self.lapses.insert(self.names.number(worker), lapse);
        before.is_some_and(|before| before > floor_ms(now))
    }

    /// Whoever asks is alive.
    pub(super) fn attend(&mut self, worker: &WorkerId, now: Timestamp) -> u32 {
        let number = self.names.number(worker);
        if self.lapses.get(&number).is_none_or(|lapse| *lapse <= floor_ms(now)) {
            self.beat(worker, now);
        }
        number
    }

    pub(super) fn retire(&mut self, worker: &WorkerId, now: Timestamp) {
        self.lapses.insert(self.names.number(worker), floor_ms(now));
    }

    /// Adds one that still has something; nothing is known of it, unless it is here.
    #[cfg(feature = "sqlite")]
    pub(super) fn restore(&mut self, worker: &WorkerId) -> u32 {
        let number = self.names.number(worker);
        self.lapses.entry(number).or_insert(i64::MIN);
        number
    }

    /// Takes those out whose heartbeat lapsed.
    pub(super) fn take_lapsed(&mut self, now: Timestamp) -> Vec<u32> {
        let now = floor_ms(now);
        self.lapses.extract_if(|_, lapse| *lapse <= now).map(|(number, _)| number).collect()
    }

    /// When the next heartbeat lapses, other than that of whoever asks.
    pub(super) fn next_lapse(&self, asking: u32) -> Option<i64> {
        let others = self.lapses.iter().filter(|(number, _)| **number != asking);
        others.map(|(_, lapse)| *lapse).min()
    }
}

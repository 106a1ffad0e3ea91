use std::collections::HashMap;

use jiff::Timestamp;

use crate::clock;
use crate::store::{LONG_SILENCE, WORKER_LIFE, WorkerId};

use super::interner::Interner;
use super::{ceil_ms, floor_ms};

/// Who is alive. What a worker has stands for as long as it is here.
#[derive(Debug, Clone, Default)]
pub(super) struct Workers {
    names: Interner<WorkerId>,
    /// Those that were not given up.
    lives: HashMap<u32, Life>,
}

#[derive(Debug, Clone, Copy)]
struct Life {
    /// When the heartbeat lapses.
    lapse: i64,
    came_at: i64,
    /// From when on it may tell that another is dead: once it was heard for a life without a break.
    judges_from: i64,
}

impl Life {
    /// One of which nothing is known but that it is over.
    #[cfg(feature = "sqlite")]
    const OVER: Self = Self { lapse: i64::MIN, came_at: i64::MIN, judges_from: i64::MIN };

    /// Whether it was heard within half a life, and so without a break.
    fn is_heard(&self, now: Timestamp) -> bool {
        self.lapse > ceil_ms(clock::after(now, WORKER_LIFE / 2))
    }

    /// Whether this one may give up another, whose heartbeat lapses at a moment.
    fn gives_up(&self, lapse: i64, now: i64) -> bool {
        let long_ago = self.came_at.saturating_sub(LONG_SILENCE.as_millis() as i64);
        lapse <= now && (self.judges_from <= now || lapse <= long_ago)
    }
}

impl Workers {
    /// A heartbeat; tells whether the one before still stood.
    pub(super) fn beat(&mut self, worker: &WorkerId, now: Timestamp) -> bool {
        let number = self.names.number(worker);
        let lapse = ceil_ms(clock::after(now, WORKER_LIFE));
        let (before, at) = (self.lives.get(&number).copied(), floor_ms(now));
        let is_heard = before.is_some_and(|life| life.is_heard(now));
        let life = match before {
            // Nothing lies beyond the life that begins now: what does was said by a clock that has been set back since.
            Some(Life { came_at, judges_from, .. }) if is_heard => {
                Life { lapse, came_at: came_at.min(at), judges_from: judges_from.min(lapse) }
            }
            Some(Life { came_at, .. }) => Life { lapse, came_at: came_at.min(at), judges_from: lapse },
            None => {
                let heard = self.lives.values().filter(|life| life.is_heard(now));
                let judges_from = heard.map(|life| life.judges_from).min().unwrap_or(lapse).min(lapse);
                Life { lapse, came_at: at, judges_from }
            }
        };
        self.lives.insert(number, life);
        before.is_some_and(|before| before.lapse > floor_ms(now))
    }

    /// Whoever asks is alive.
    pub(super) fn attend(&mut self, worker: &WorkerId, now: Timestamp) -> u32 {
        let number = self.names.number(worker);
        if self.lives.get(&number).is_none_or(|life| !life.is_heard(now)) {
            self.beat(worker, now);
        }
        number
    }

    pub(super) fn retire(&mut self, worker: &WorkerId) -> u32 {
        let number = self.names.number(worker);
        self.lives.remove(&number);
        number
    }

    /// Adds one that still has something; nothing is known of it, unless it is here.
    #[cfg(feature = "sqlite")]
    pub(super) fn restore(&mut self, worker: &WorkerId) -> u32 {
        let number = self.names.number(worker);
        self.lives.entry(number).or_insert(Life::OVER);
        number
    }

    /// Takes those out whom the one that asks gives up.
    pub(super) fn give_up(&mut self, asking: u32, now: Timestamp) -> Vec<u32> {
        let (Some(asks), now) = (self.lives.get(&asking).copied(), floor_ms(now)) else { return Vec::new() };
        let given_up =
            self.lives.extract_if(|number, life| *number != asking && asks.gives_up(life.lapse, now));
        given_up.map(|(number, _)| number).collect()
    }

    /// When the one that asks may give up the next.
    pub(super) fn next_lapse(&self, asking: u32) -> Option<i64> {
        let judges_from = self.lives.get(&asking)?.judges_from;
        let others = self.lives.iter().filter(|(number, _)| **number != asking);
        others.map(|(_, life)| life.lapse.max(judges_from)).min()
    }
}

use std::collections::BTreeSet;

use crate::limit::CLOCKS_APART;

use super::queue::Queue;
use super::{Digest, Index};

/// A place in a lane: when, and under which number.
pub(super) type Rank = (i64, i64);

/// How far two who ask may differ in what time it is, in milliseconds, without a clock having been set.
pub(super) const APART: i64 = CLOCKS_APART.as_millis() as i64;

/// Due at once.
pub(super) const AT_ONCE: i64 = i64::MIN;

/// Decides what is next: one at a time per lane, in the order of rank; lanes whose first is due take turns by group.
///
/// A lane is in one place at a time: busy, ready (its first is due), or later (its first waits for a time). Nothing is ever
/// searched for: each step costs the logarithm of what waits.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Index<Digest, Lane>,
    groups: Vec<Group>,
    /// Groups with a ready lane: the least loaded first, in turns among equals.
    turns: BTreeSet<(u32, u64, u32)>,
    later: BTreeSet<(i64, Digest)>,
    blocked: BTreeSet<(i64, u32)>,
    now: i64,
    next_turn: u64,
}

/// The group whose turn it is, and how many of it are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) group: u32,
    pub(super) load: u32,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    due: i64,
    group: u32,
}

#[derive(Debug, Default)]
struct Lane {
    items: Queue<Item>,
    busy: bool,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Ready {
        group: u32,
        rank: Rank,
    },
    Later {
        group: u32,
        due: i64,
    },
}

#[derive(Debug, Default)]
struct Group {
    ready: BTreeSet<(Rank, Digest)>,
    later: BTreeSet<(i64, Digest)>,
    load: u32,
    turn: Option<(u32, u64)>,
    blocked_until: Option<i64>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: Index::default(),
            groups: Vec::new(),
            turns: BTreeSet::new(),
            later: BTreeSet::new(),
            blocked: BTreeSet::new(),
            now: AT_ONCE,
            next_turn: 0,
        }
    }
}

impl Lanes {
    pub(super) fn insert(&mut self, lane: Digest, rank: Rank, group: u32, due: i64) {
        let groups = self.groups.len().max(group as usize + 1);
        self.groups.resize_with(groups, Group::default);
        self.lanes.entry(lane).or_default().items.insert(rank, Item { due, group });
        self.place(lane);
    }

    pub(super) fn remove(&mut self, lane: Digest, rank: Rank) {
        let Some(entry) = self.lanes.get_mut(&lane) else { return };
        entry.items.remove(rank);
        self.place(lane);
    }

    pub(super) fn postpone(&mut self, lane: Digest, rank: Rank, due: i64) {
        let item = self.lanes.get_mut(&lane).and_then(|lane| lane.items.get_mut(rank));
        if let Some(item) = item {
            item.due = due;
            self.place(lane);
        }
    }

    /// It is this time now: what waited for it is ready. A clock that was set back does not end every wait from then on. Tells
    /// whether it was.
    pub(super) fn set_time(&mut self, now: i64) -> bool {
        let before = std::mem::replace(&mut self.now, now);
        let is_set_back = before > now;
        if is_set_back {
            self.wait_no_longer(before);
            let lanes: Vec<_> = self.lanes.keys().copied().collect();
            lanes.into_iter().for_each(|lane| self.place(lane));
        }
        while let Some(&(due, lane)) = self.later.first().filter(|(due, _)| *due <= self.now) {
            self.later.remove(&(due, lane));
            self.place(lane);
        }
        while let Some(&(until, group)) = self.blocked.first().filter(|(until, _)| *until <= self.now) {
            self.blocked.remove(&(until, group));
            self.groups[group as usize].blocked_until = None;
            self.seat(group, false);
        }
        is_set_back
    }

    /// Whoever settles says what time it is as well: that a clock was set back must be known before anything is to wait by the right one.
    /// Tells whether it was, by more than clocks differ.
    pub(super) fn was_set_back(&mut self, now: i64) -> bool {
        self.now.saturating_sub(now) > APART && self.set_time(now)
    }

    /// What waits since a clock that ran ahead said so waits as long as it was told to, and not longer by as much as the clock was ahead.
    /// A book made anew from a file does not know of it.
    fn wait_no_longer(&mut self, before: i64) {
        let ahead = before.saturating_sub(self.now);
        if ahead <= APART {
            return;
        }
        for item in self.lanes.values_mut().flat_map(|lane| lane.items.values_mut()) {
            if item.due > self.now {
                item.due -= ahead;
            }
        }
    }

    /// The time this was told.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn turn(&self) -> Option<Turn> {
        self.turns.first().map(|&(load, _, group)| Turn { group, load })
    }

    /// Whose turn it is among these groups.
    pub(super) fn turn_among(&self, groups: &[u32]) -> Option<Turn> {
        let turn =
            |group: &u32| self.groups.get(*group as usize)?.turn.map(|(load, turn)| (load, turn, *group));
        groups.iter().filter_map(turn).min().map(|(load, _, group)| Turn { group, load })
    }

    /// Takes the oldest ready lane of a group, which is busy from now on.
    pub(super) fn take(&mut self, group: u32) -> Option<(Digest, Rank)> {
        let (rank, lane) = self.groups[group as usize].ready.first().copied()?;
        self.occupy(lane, group);
        Some((lane, rank))
    }

    /// Whether anything in the lane is older.
    pub(super) fn has_older(&self, lane: Digest, rank: Rank) -> bool {
        let first = self.lanes.get(&lane).and_then(|lane| lane.items.first());
        first.is_some_and(|(first, _)| *first < rank)
    }

    /// Marks a lane as busy with something of this group.
    pub(super) fn occupy(&mut self, lane: Digest, group: u32) {
        self.lanes.entry(lane).or_default().busy = true;
        self.groups[group as usize].load += 1;
        for other in self.arrange(lane).into_iter().flatten().filter(|other| *other != group) {
            self.seat(other, false);
        }
        self.seat(group, true);
    }

    /// The lane is no longer busy.
    pub(super) fn release(&mut self, lane: Digest, group: u32) {
        let load = &mut self.groups[group as usize].load;
        *load = load.saturating_sub(1);
        self.lanes.entry(lane).or_default().busy = false;
        self.place(lane);
        self.seat(group, false);
    }

    /// The group may not take its turn before a time, unless it is unblocked.
    pub(super) fn block(&mut self, group: u32, until: i64) {
        if let Some(earlier) = self.groups[group as usize].blocked_until.replace(until) {
            self.blocked.remove(&(earlier, group));
        }
        self.blocked.insert((until, group));
        self.seat(group, false);
    }

    /// Every group may take its turn, until found wanting again.
    pub(super) fn unblock_all(&mut self) {
        for (_, group) in std::mem::take(&mut self.blocked) {
            self.groups[group as usize].blocked_until = None;
            self.seat(group, false);
        }
    }

    pub(super) fn unblock(&mut self, group: u32) {
        if let Some(until) = self.groups[group as usize].blocked_until.take() {
            self.blocked.remove(&(until, group));
            self.seat(group, false);
        }
    }

    /// When the next lane or group is ready that waits for a time only.
    pub(super) fn next_due(&self) -> Option<i64> {
        let later = self.later.first().map(|(due, _)| *due);
        let blocked = self.blocked.first().map(|(until, _)| *until);
        [later, blocked].into_iter().flatten().min()
    }

    /// As [`next_due`](Self::next_due), of these groups.
    pub(super) fn next_due_among(&self, groups: &[u32]) -> Option<i64> {
        let groups = groups.iter().filter_map(|group| self.groups.get(*group as usize));
        let dues = groups.flat_map(|group| {
            let later = group.later.first().map(|(due, _)| *due);
            [later, group.blocked_until]
        });
        dues.flatten().min()
    }

    /// What waits, and for what, whoever's turn it is.
    #[cfg(test)]
    pub(super) fn snapshot(&self) -> Vec<String> {
        let items = self.lanes.iter().flat_map(|(name, lane)| {
            lane.items.iter().map(move |(rank, item)| format!("{:?}", (name, rank, item.due, lane.busy)))
        });
        items.collect()
    }

    /// Puts a lane where it belongs, and the groups concerned among the turns.
    fn place(&mut self, lane: Digest) {
        let [entered, left] = self.arrange(lane);
        for group in [entered, left.filter(|left| Some(*left) != entered)].into_iter().flatten() {
            self.seat(group, false);
        }
    }

    /// Puts a lane where it belongs, and tells which groups have a lane more or less ready.
    fn arrange(&mut self, lane: Digest) -> [Option<u32>; 2] {
        let now = self.now;
        let Some(entry) = self.lanes.get_mut(&lane) else { return [None, None] };
        let place = match entry.items.first() {
            Some((rank, item)) if !entry.busy && item.due <= now => {
                Place::Ready { group: item.group, rank: *rank }
            }
            Some((_, item)) if !entry.busy => Place::Later { group: item.group, due: item.due },
            _ => Place::Nowhere,
        };
        let left = std::mem::replace(&mut entry.place, place);
        if entry.items.first().is_none() && !entry.busy {
            self.lanes.remove(&lane);
        }
        if left == place {
            return [None, None];
        }
        // Left first: two groups may wait for the same time in turn.
        let left = self.leave(lane, left);
        [self.enter(lane, place), left]
    }

    fn leave(&mut self, lane: Digest, place: Place) -> Option<u32> {
        match place {
            Place::Nowhere => None,
            Place::Ready { group, rank } => {
                self.groups[group as usize].ready.remove(&(rank, lane));
                Some(group)
            }
            Place::Later { group, due } => {
                self.later.remove(&(due, lane));
                self.groups[group as usize].later.remove(&(due, lane));
                None
            }
        }
    }

    fn enter(&mut self, lane: Digest, place: Place) -> Option<u32> {
        match place {
            Place::Nowhere => None,
            Place::Ready { group, rank } => {
                self.groups[group as usize].ready.insert((rank, lane));
                Some(group)
            }
            Place::Later { group, due } => {
                self.later.insert((due, lane));
                self.groups[group as usize].later.insert((due, lane));
                None
            }
        }
    }

    /// Puts a group where it belongs among the turns: at the end of its equals when it is new there or just had its turn.
    fn seat(&mut self, group: u32, had_turn: bool) {
        let state = &mut self.groups[group as usize];
        let seated = !state.ready.is_empty() && state.blocked_until.is_none();
        let turn = match state.turn {
            _ if !seated => None,
            Some((_, turn)) if !had_turn => Some((state.load, turn)),
            _ => {
                self.next_turn += 1;
                Some((state.load, self.next_turn))
            }
        };
        let left = std::mem::replace(&mut state.turn, turn);
        if left == turn {
            return;
        }
        if let Some((load, turn)) = left {
            self.turns.remove(&(load, turn, group));
        }
        if let Some((load, turn)) = turn {
            self.turns.insert((load, turn, group));
        }
    }
}

#[cfg(test)]
mod tests;

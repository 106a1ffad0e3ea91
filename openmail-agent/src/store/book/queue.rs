use std::collections::BTreeMap;

use super::lanes::Rank;

/// What waits in one lane, in the order of rank. Most lanes have one mail at a time, which needs no tree.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<(Rank, T)>,
    /// All that is behind the first.
    rest: BTreeMap<Rank, T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { first: None, rest: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    pub(super) fn first(&self) -> Option<&(Rank, T)> {
        self.first.as_ref()
    }

    pub(super) fn get_mut(&mut self, rank: Rank) -> Option<&mut T> {
        match &mut self.first {
            Some((first, item)) if *first == rank => Some(item),
            _ => self.rest.get_mut(&rank),
        }
    }

    /// No two have the same rank.
    pub(super) fn insert(&mut self, rank: Rank, item: T) {
        let is_first = self.first.as_ref().is_none_or(|(first, _)| rank < *first);
        let behind = if is_first { self.first.replace((rank, item)) } else { Some((rank, item)) };
        self.rest.extend(behind);
    }

    pub(super) fn remove(&mut self, rank: Rank) {
        if self.first.as_ref().is_some_and(|(first, _)| *first == rank) {
            self.first = self.rest.pop_first();
        } else {
            self.rest.remove(&rank);
        }
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Rank, &T)> {
        let first = self.first.iter().map(|(rank, item)| (*rank, item));
        first.chain(self.rest.iter().map(|(rank, item)| (*rank, item)))
    }
}

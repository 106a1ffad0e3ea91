use std::collections::VecDeque;

use super::lanes::Rank;

/// What waits in one lane, in the order of rank. Most lanes have one mail at a time, which needs no room but the lane's own.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<(Rank, T)>,
    /// All that is behind the first.
    rest: VecDeque<(Rank, T)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub(super) fn first(&self) -> Option<&(Rank, T)> {
        self.first.as_ref()
    }

    pub(super) fn get_mut(&mut self, rank: Rank) -> Option<&mut T> {
        let at = self.find(rank);
        match &mut self.first {
            Some((first, item)) if *first == rank => Some(item),
            _ => self.rest.get_mut(at.ok()?).map(|(_, item)| item),
        }
    }

    /// No two have the same rank. Mail seldom comes out of order, so this is an append as good as always.
    pub(super) fn insert(&mut self, rank: Rank, item: T) {
        let is_first = self.first.as_ref().is_none_or(|(first, _)| rank < *first);
        let behind = if is_first { self.first.replace((rank, item)) } else { Some((rank, item)) };
        if let Some((rank, item)) = behind {
            let at = self.find(rank).unwrap_or_else(|at| at);
            self.rest.insert(at, (rank, item));
        }
    }

    pub(super) fn remove(&mut self, rank: Rank) {
        if self.first.as_ref().is_some_and(|(first, _)| *first == rank) {
            self.first = self.rest.pop_front();
        } else if let Ok(at) = self.find(rank) {
            self.rest.remove(at);
        }
        if self.rest.is_empty() {
            // A conversation that was long once need not take room for ever.
            self.rest = VecDeque::new();
        }
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(&mut self.rest).map(|(_, item)| item)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Rank, &T)> {
        self.first.iter().chain(&self.rest).map(|(rank, item)| (*rank, item))
    }

    fn find(&self, rank: Rank) -> Result<usize, usize> {
        self.rest.binary_search_by_key(&rank, |(rank, _)| *rank)
    }
}

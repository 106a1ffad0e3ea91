use std::collections::VecDeque;

/// What is finished and waits to be forgotten, oldest first.
#[derive(Debug, Default)]
pub(super) struct Finished(VecDeque<(i64, i64)>);

impl Finished {
    /// Time seldom runs backwards, and seldom far, so this is an append as good as always.
    pub(super) fn add(&mut self, finished_at: i64, seq: i64) {
        let entry = (finished_at, seq);
        let later = self.0.iter().rev().take_while(|other| **other > entry).count();
        self.0.insert(self.0.len() - later, entry);
    }

    /// Adds what was finished at any time, to be [sorted](Self::sort) in the end: in no order, each would be searched for its place.
    #[cfg(feature = "sqlite")]
    pub(super) fn restore(&mut self, finished_at: i64, seq: i64) {
        self.0.push_back((finished_at, seq));
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn sort(&mut self) {
        self.0.make_contiguous().sort_unstable();
    }

    /// Takes back what was taken, the oldest first.
    pub(super) fn put_back(&mut self, taken: Vec<(i64, i64)>) {
        taken.into_iter().rev().for_each(|entry| self.0.push_front(entry));
    }

    /// The oldest, with the time when it was finished, if that is before this one.
    pub(super) fn take_before(&mut self, before: i64) -> Option<(i64, i64)> {
        self.0.pop_front_if(|(finished_at, _)| *finished_at < before)
    }

    pub(super) fn seqs(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|(_, seq)| *seq)
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

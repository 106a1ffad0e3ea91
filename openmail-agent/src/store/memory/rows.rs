use std::collections::VecDeque;

/// Rows under numbers that ascend as they are added, and go in about the same order: no more than a queue. The room of what goes is
/// given back once all before it has gone.
#[derive(Debug)]
pub(super) struct Rows<T> {
    /// The number of the first.
    first: i64,
    rows: VecDeque<Option<T>>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { first: 0, rows: VecDeque::new() }
    }
}

impl<T> Rows<T> {
    /// Adds a row, whose number is higher than those of all before.
    pub(super) fn add(&mut self, number: i64, row: T) {
        if self.rows.is_empty() {
            self.first = number;
        }
        if let Some(at) = self.find(number) {
            self.rows.resize_with(at, || None);
            self.rows.push_back(Some(row));
        }
    }

    pub(super) fn get_mut(&mut self, number: i64) -> Option<&mut T> {
        let at = self.find(number)?;
        self.rows.get_mut(at)?.as_mut()
    }

    pub(super) fn remove(&mut self, number: i64) -> Option<T> {
        let at = self.find(number)?;
        let row = self.rows.get_mut(at)?.take();
        while self.rows.pop_front_if(|row| row.is_none()).is_some() {
            self.first += 1;
        }
        row
    }

    fn find(&self, number: i64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_under_its_number_until_it_is_removed() {
        let mut rows = Rows::default();
        for number in [7, 8, 11] {
            rows.add(number, number * 10);
        }
        assert_eq!([7, 8, 11].map(|number| rows.get_mut(number).copied()), [Some(70), Some(80), Some(110)]);
        assert!([i64::MIN, 6, 9, 10, 12, i64::MAX].iter().all(|number| rows.get_mut(*number).is_none()));
        assert_eq!((rows.remove(8), rows.remove(8), rows.remove(9)), (Some(80), None, None));
        assert_eq!((rows.remove(7), rows.get_mut(11).copied()), (Some(70), Some(110)));
        assert_eq!(rows.rows.len(), 1, "what is gone takes no room");
        assert_eq!(rows.remove(11), Some(110));
        rows.add(20, 200);
        assert_eq!((rows.rows.len(), rows.remove(20)), (1, Some(200)));
    }
}

/// A stretch of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in the service's order.
    pub items: Vec<T>,
    /// How many rows the whole list has, where the service said.
    pub total: Option<u64>,
    /// How many rows of this stretch could not be read, for want of an id: they count for the next offset.
    pub unreadable: usize,
}

impl<T> Page<T> {
    /// A stretch of these rows.
    #[must_use]
    pub fn new(items: Vec<T>) -> Self {
        Self { items, total: None, unreadable: 0 }
    }

    /// How many rows the service gave: what the next offset moves by.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.items.len() + self.unreadable
    }
}

use std::collections::HashMap;
use std::hash::Hash;

/// Gives each name a small number.
#[derive(Debug, Clone)]
pub(super) struct Interner<T> {
    numbers: HashMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), names: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(super) fn number(&mut self, name: &T) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        number
    }

    /// The numbers of all names that are such.
    pub(super) fn those(&self, are: impl Fn(&T) -> bool) -> Vec<u32> {
        (0..).zip(&self.names).filter(|(_, name)| are(name)).map(|(number, _)| number).collect()
    }

    /// The name behind a number that [`number`](Self::number) gave.
    pub(super) fn name(&self, number: u32) -> &T {
        &self.names[number as usize]
    }
}

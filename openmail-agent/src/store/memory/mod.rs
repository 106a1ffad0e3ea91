//! A store in memory, for tests: everything is gone with it.

mod backend;
mod shelf;

pub use backend::MemoryStore;

#[cfg(test)]
mod tests;

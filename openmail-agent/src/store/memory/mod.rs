//! A store in memory, for tests: everything is gone with it.

mod backend;
mod rows;
mod shelf;

pub use backend::MemoryStore;

#[cfg(test)]
mod tests;

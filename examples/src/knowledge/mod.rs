//! A folder of Markdown articles that answers questions, or says that it cannot.

mod article;
mod base;
mod error;
mod folder;
mod index;
mod question;
#[cfg(test)]
mod tests;

pub use base::{Answer, KnowledgeBase};
pub use error::{KnowledgeError, KnowledgeErrorKind};

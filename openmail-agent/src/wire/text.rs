//! The untrusted text of a mail: what the sender wrote now, made fit for a prompt.

mod conversation;
mod html;
mod intro;
mod prompt;
mod quote;
mod readable;

#[cfg(test)]
mod tests;

pub use conversation::conversation_for_model;
pub use html::from_html;
pub use prompt::{clean, for_model};
pub use quote::new_text;
pub use readable::{readable, written_now};

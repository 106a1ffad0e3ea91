//! REST answers, in every shape they have been seen in.

mod account;
mod failure;
mod inbox;
mod list;
mod message;
mod sent;
mod thread;

#[cfg(test)]
mod tests;

pub use account::{api_key, api_keys, me, new_api_key, pod, pods};
pub use failure::{FailureRow, failure};
pub use inbox::{inbox, inbox_with_secret, inboxes, webhook_secret};
pub use message::{message, messages};
pub use sent::{attachment_text, sent};
pub use thread::{thread_messages, threads};

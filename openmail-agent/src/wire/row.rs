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

pub(crate) use account::{api_keys, me, new_api_key, pod, pods};
pub(crate) use failure::{FailureRow, failure};
pub(crate) use inbox::{inbox, inbox_with_secret, inboxes, webhook_secret};
pub(crate) use message::messages;
pub(crate) use sent::{attachment_text, sent};
pub(crate) use thread::{thread_messages, threads};

//! Sends what is owed, in order, within the limits, each under the key it was committed with.

mod address;
mod answer;
mod desk;
mod key;
mod news;
mod sender;

pub(crate) use address::{NobodyToAnswer, answer_to, copy_all};
pub(crate) use desk::Outbox;
pub(crate) use key::{SendSpace, idempotency_key};
pub(crate) use sender::Sender;

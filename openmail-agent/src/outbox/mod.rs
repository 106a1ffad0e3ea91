//! Sends what is owed, in order, within the limits, each under the key it was committed with.

mod address;
mod answer;
mod desk;
mod key;
mod news;
mod sender;

pub(crate) use address::copy_all;
pub use address::{NobodyToAnswer, answer_to};
pub use desk::Outbox;
pub use key::{SendSpace, idempotency_key};
pub use sender::Sender;

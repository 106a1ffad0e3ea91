//! The service's REST API: every call, one attempt each.
//!
//! A call either answers or fails with an [`Error`] that itself says whether and when to [try again](Error::retry).
//! Nothing that is public here retries or remembers, and a call waits for one thing only: its turn within
//! [`requests_per_minute`](ClientBuilder::requests_per_minute).

mod account;
mod attachments;
mod budget;
mod builder;
mod call;
mod client;
mod error;
mod inboxes;
mod keys;
mod messages;
mod path;
mod pods;
mod room;
mod send;
#[cfg(any(test, feature = "testing"))]
mod stand_in;
mod threads;
pub mod tls;

#[cfg(test)]
mod tests;

pub use attachments::Download;
pub(crate) use builder::is_loopback;
pub use builder::{ClientBuilder, DEFAULT_BASE_URL};
pub use client::Client;
pub(crate) use client::THIS_MACHINE;
#[cfg(test)]
pub(crate) use error::from_answer;
pub(crate) use error::presentable;
pub use error::{Error, ErrorKind, Limit, Refusal, Result, Retry, Scope};
pub use inboxes::{InboxChanges, InboxFilter, NewInbox};
pub use messages::MessageFilter;
pub use pods::{NewPod, PodChanges, PodFilter};
pub(crate) use room::Room;
pub(crate) use send::{BODY_MOST, FILES_MOST, SUBJECT_MOST, check_draft};
#[cfg(any(test, feature = "testing"))]
pub(crate) use stand_in::{Request, StandIn};
pub(crate) use threads::Conversation;
pub use threads::ThreadFilter;

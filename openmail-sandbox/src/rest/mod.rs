//! The REST contract, one file per resource.

mod api_keys;
mod attachments;
mod error;
mod fields;
mod form;
mod gate;
mod inboxes;
mod me;
mod messages;
mod page;
mod pods;
mod routes;
mod send;
mod threads;
mod webhooks;

pub(crate) use error::{Answer, json, no_content, ok};
pub(crate) use routes::{BODY_AT_MOST, router};

//! RFC 5322: mails as text.

mod classify;
mod compose;
mod read;

pub(crate) use compose::{compose, is_address};
pub(crate) use read::read;

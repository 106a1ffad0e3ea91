//! RFC 5322: mails as text.

mod classify;
mod read;

pub(crate) use read::read;

//! The text of attachments.

mod extract;
mod guard;
mod pdf;

pub(crate) use extract::{Extraction, extract, extract_all};

//! HTML as mail has it: told apart from text, turned into text, made harmless.

mod sanitise;
mod tags;
mod text;

pub(crate) use sanitise::{Embedded, sanitise};
pub(crate) use tags::looks_like_html;
pub(crate) use text::text_of;

//! Text out of PDF, line by line as it is drawn.

mod document;
mod drawn;
mod font;

pub(super) use document::text_of;

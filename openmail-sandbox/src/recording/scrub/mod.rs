//! Makes up names, addresses and words in place of the real ones, so that a mail keeps its shape and nothing of what it says.

mod filler;
mod html;
mod mail;
mod marks;
mod people;
mod text;

pub(super) use mail::Scrubber;

//! Events: the body of a webhook, a frame of the socket, a row of the REST catch-up, all in one form.

mod decode;
mod encode;
mod frame;

#[cfg(test)]
mod tests;

pub(in crate::wire) use decode::decode_frame;
pub use decode::{decode, fallback_id};
pub use encode::{FROM_ROW, encode, from_row};
pub(in crate::wire) use frame::{AttachmentFrame, attachments};

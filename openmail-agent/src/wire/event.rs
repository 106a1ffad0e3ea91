//! Events: the body of a webhook, a frame of the socket, a row of the REST catch-up, all in one form.

mod decode;
mod encode;
mod envelope;
mod frame;

#[cfg(test)]
mod tests;

pub use decode::{decode, fallback_id};
pub use encode::{FROM_ROW, encode, from_row};
pub(in crate::wire) use envelope::envelope_of_frame;
pub use envelope::{Envelope, envelope};
pub(in crate::wire) use frame::{AttachmentFrame, attachments};

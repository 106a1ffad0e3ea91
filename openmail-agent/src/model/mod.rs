//! What the runtime speaks of: inboxes, messages, events, drafts.
//!
//! Plain values without behaviour of their own. How they are read from bytes is [`wire`](crate::wire)'s business.

mod address;
mod attachment;
mod draft;
mod error;
mod event;
mod id;
mod inbox;
mod mail;
mod secret;

pub use address::{Address, AddressError};
pub use attachment::{Attachment, OutgoingAttachment};
pub use draft::{Body, Draft, IdempotencyKey, Recipients};
pub use error::{BoxError, Error};
pub use event::{Event, EventKind, Lifecycle, Payload, SendFailure, SuspensionReason};
pub use id::{EventId, ExternalId, InboxId, MessageId, PodId, ThreadId};
pub use inbox::Inbox;
pub use mail::{Category, DeliveryRole, Direction, Message, Verdict};
pub use secret::Secret;

//! What the runtime speaks of: inboxes, messages, events, drafts.
//!
//! Plain values without behaviour of their own. How they are read from bytes is [`wire`](crate::wire)'s business.

mod account;
mod address;
mod attachment;
mod chain;
mod draft;
mod error;
mod event;
mod id;
mod inbox;
mod mail;
mod page;
mod secret;
mod sent;
mod thread;

pub use account::{ApiKey, KeyScope, Me, NewApiKey, Pod};
pub use address::{Address, AddressError};
pub use attachment::{Attachment, OutgoingAttachment};
pub(crate) use chain::Chain;
pub use draft::{Body, Draft, IdempotencyKey, Recipients};
pub use error::{BoxError, Error};
pub use event::{Event, EventKind, Lifecycle, Payload, SendFailure, SuspensionReason};
pub use id::{ApiKeyId, EventId, ExternalId, InboxId, MessageId, PodId, ThreadId};
pub use inbox::{Inbox, InboxWithSecret};
pub use mail::{Category, DeliveryRole, Direction, Message, Verdict};
pub use page::Page;
pub use secret::Secret;
pub use sent::{AttachmentText, SendStatus, SentMessage};
pub use thread::{ThreadMessages, ThreadSummary};

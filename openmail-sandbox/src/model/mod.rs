//! What the sandbox knows, as a test reads it.

mod account;
mod attachment;
mod counts;
mod event;
mod fault;
mod mail;
mod message;
mod operation;
mod record;
mod relay;
mod sender;

pub use account::{Inbox, Key, NewInbox, Pod, Scope};
pub use attachment::Attachment;
pub use counts::Counts;
pub(crate) use event::EventContent;
pub use event::{Delivery, EventRecord, EventState, Transport, WebhookAttempt, WebhookOutcome};
pub use fault::{Drift, Fault, FaultId};
pub use mail::Mail;
pub(crate) use message::Classification;
pub(crate) use message::RowLag;
pub use message::{Delivered, DeliveryRole, Direction, Message, Sent, Thread};
pub use operation::Operation;
pub use record::{ClientMessage, RequestRecord};
pub use relay::{RelayAttempt, RelayOutcome};
pub use sender::{DroppedMail, FilterMode, RuleKind, SenderRule};

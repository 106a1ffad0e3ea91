//! OpenMail on a laptop: the REST contract, the WebSocket and the signed webhooks, all in memory.
//!
//! A [`Sandbox`] is a real server on a real port. It behaves as the service is documented to, and as strictly:
//! limits are enforced, idempotency keys remembered, bodies checked. Mail is [delivered](Sandbox::deliver) by
//! hand, what an agent sent is [read back](Sandbox::sent), time is [moved](Sandbox::advance), and everything that
//! goes wrong in production can be [ordered](Fault).
//!
//! ```
//! use openmail_sandbox::{Mail, Sandbox};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), openmail_sandbox::StartError> {
//! let sandbox = Sandbox::start().await?;
//! let inbox = sandbox.create_inbox("support");
//! let mail = sandbox.deliver(
//!     Mail::from("Ada <ada@example.com>").to(&inbox.address).subject("Hello").text("Is anybody there?"),
//! );
//! assert!(!sandbox.thread(&mail.thread_id).is_some_and(|thread| thread.is_read));
//! # Ok(())
//! # }
//! ```
//!
//! An agent under test gets [`Sandbox::base_url`] and [`Sandbox::api_key`]; the test then waits with
//! [`Sandbox::wait_for_sent`] for what it answers.

mod extraction;
mod model;
mod rest;
mod sandbox;
mod shared;
mod signature;
mod socket;
mod storage;
mod webhook;
mod world;

pub use model::{
    Attachment, ClientMessage, Counts, Delivered, DeliveryRole, Direction, Drift, EventRecord, EventState,
    Fault, FaultId, Inbox, Key, Mail, Message, NewInbox, Operation, Pod, RequestRecord, Scope, Sent, Thread,
    WebhookAttempt, WebhookOutcome,
};
pub use sandbox::{Builder, Sandbox, StartError, View};

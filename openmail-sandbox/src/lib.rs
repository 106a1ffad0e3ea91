//! OpenMail on a laptop: the REST contract, the WebSocket and the signed webhooks, all in memory.
//!
//! A [`Sandbox`] is a real server on a real port. It behaves as the service is documented to, and as strictly:
//! limits are enforced, idempotency keys remembered, bodies checked. Mail is [delivered](Sandbox::deliver) by
//! hand or comes [over SMTP](Sandbox::smtp_addr), what an agent sent is [read back](Sandbox::sent), time is [moved](Sandbox::advance), and everything that
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
//! An agent under test gets [`Sandbox::base_url`] and [`Sandbox::api_key`]; the test then writes as a
//! [`correspondent`](Sandbox::correspondent) and waits for the answer: see [`testing`].
//!
//! # What goes wrong
//!
//! A [`Fault`] is ordered for a number of occurrences or until it is lifted. Here a send is accepted and its answer
//! lost, which an agent has to survive without writing twice:
//!
//! ```
//! # use openmail_sandbox::{Fault, Sandbox};
//! # async fn example(sandbox: &Sandbox, inbox_id: &str) {
//! sandbox.fault_next(1, Fault::send_answer_lost());
//! // … the agent answers, hears nothing, and tries again …
//! sandbox.wait_for(|view| (view.counts().sends_repeated == 1).then_some(())).await;
//! assert_eq!(sandbox.sent(inbox_id).len(), 1);
//! assert_eq!(sandbox.counts().limits_exceeded, 0);
//! # }
//! ```
//!
//! A [`Drift`] is smaller: a way in which a deployment differs from the contract, to be read tolerantly.
//!
//! # The page
//!
//! [`Sandbox::base_url`] opens in a browser: a mail client on which one plays the people outside, with every delivery, the
//! allowances, and the same faults and time at hand.
//!
//! A web page that is open in the same browser can call this machine too, so the sandbox answers no page but its own, and
//! only under IP addresses, `localhost` and names that no public DNS has. Agents may reach it under any name where its
//! [key](Builder::key) is not the usual one, which every page knows.
//!
//! # Recordings
//!
//! `openmail-sandbox record` writes down what comes to an account, without its words; `replay` and [`recording`] play it to an agent.
//!
//! # Time
//!
//! [`Sandbox::now`] is real time plus what [`Sandbox::advance`] has added. It decides the limits, the UTC day, the life of
//! idempotency keys and signed addresses, the retries of webhooks and the lateness of slow answers. The keepalive of
//! sockets and the patience with webhooks are real time.
//!
//! # Who may write
//!
//! [`Sandbox::block_sender`] and [`Sandbox::allow_sender`] are the service's sender rules: for an address or a whole domain, by the
//! `From` header. What they keep out vanishes and is [remembered](Sandbox::dropped_mails) for the test alone.
//!
//! # Reputation
//!
//! What an agent sent can [bounce](Sandbox::bounce) or be [reported](Sandbox::complain) as spam. The recipient is suppressed, and at the
//! service's rates the inbox is throttled, until the rate has fallen, or suspended, until it is [reactivated](Sandbox::reactivate_inbox).
//!
//! # Attachments
//!
//! Text is read out of text, HTML, CSV and PDF files, as the service does: it is in `parsedText` of events and rows, with what
//! is beyond 50,000 characters cut off, and files beyond 10 MB skipped. Where there is none, `extractionMethod` says why. What the
//! service gets out of office documents and pictures is `unsupported` here.
//!
//! # Where the service's documentation is silent
//!
//! The minute of the burst limit slides. A replay brings the oldest 100 events, unless it [drifts](Drift::ReplayNewest).
//! Messages are listed newest first, threads by their newest message. A key used with another body is 422
//! `idempotency_key_reused`. What a key does not reach is 404, what its scope does not allow is 403. A mail from one inbox
//! of the sandbox to another arrives there.

mod control;
mod extraction;
mod guard;
mod html;
mod mime;
mod model;
mod page;
pub mod recording;
mod relay;
mod rest;
mod sandbox;
mod shared;
mod signature;
mod smtp;
mod socket;
mod storage;
pub mod testing;
mod webhook;
mod world;

pub use model::{
    Attachment, ClientMessage, Counts, Delivered, Delivery, DeliveryRole, Direction, Drift, DroppedMail,
    EventRecord, EventState, Fault, FaultId, FilterMode, Inbox, Key, Mail, Message, NewInbox, Operation, Pod,
    RelayAttempt, RelayOutcome, RequestRecord, RuleKind, Scope, SenderRule, Sent, Thread, Transport,
    WebhookAttempt, WebhookOutcome,
};
pub use sandbox::{Builder, Sandbox, StartError, View};
/// Their types are in signatures here.
pub use {bytes, jiff};

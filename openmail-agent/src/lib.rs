//! A runtime for AI agents that have an [OpenMail](https://openmail.sh) inbox.
//!
//! Mail is never lost and never answered twice, and replies land in the right thread and never break the provider's
//! limits. A handler is an async function: everything it needs is an argument, what it returns is the reply.
//!
//! ```no_run
//! # #[derive(Clone)]
//! # struct KnowledgeBase;
//! # impl KnowledgeBase {
//! #     fn open(_: &str) -> std::io::Result<Self> { Ok(Self) }
//! #     async fn answer(&self, _: impl AsRef<str>) -> std::io::Result<String> { Ok(String::new()) }
//! # }
//! use openmail_agent::prelude::*;
//!
//! /// Answers customers from the knowledge base.
//! #[mail_handler(inbox = "support@acme.openmail.sh")]
//! async fn support(mail: Mail, State(kb): State<KnowledgeBase>) -> Result<Reply> {
//!     Ok(Reply::text(kb.answer(mail.new_text()).await?))
//! }
//!
//! /// Told when OpenMail cuts the inbox off, and when it comes back: OpenMail says so by webhook only.
//! #[mail_handler(event = ["inbox.suspended", "inbox.reactivated"])]
//! async fn suspended(event: Lifecycle) { /* page someone */ }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     Runtime::from_env()?
//!         .state(KnowledgeBase::open("kb/")?)
//!         .handlers(handlers![support, suspended])
//!         .run()
//!         .await
//! }
//! ```
//!
//! That is the whole program: it connects, falls back, deduplicates, orders, retries, threads, limits, survives a crash
//! and stops cleanly. Two sentences govern it: *nothing is acknowledged before it is recorded, and nothing is sent that
//! was not committed.*
//!
//! # Where to look
//!
//! - [`handler`]: what a handler can take and return, replies, memory, steps, layers.
//! - [`mail_handler`]: the keys of the attribute; [`router`]: which handler an event goes to.
//! - [`Runtime`]: what can be set; [`Config`](runtime::Config): the environment variables.
//! - [`store`]: where mail is kept, and what a store must do.
//! - [`api`]: the service's REST API, for what a reply is not enough for.
//! - [`testing`]: one event through one handler, in a test of yours.
//! - [`transport`]: readiness, the state of the socket, webhooks in an application of your own; [`limit`]: what may be sent;
//!   [`wire`]: the signatures of webhooks, and the text of a mail made fit for a model.
//!
//! # Features
//!
//! | feature | on by default | brings |
//! |---|---|---|
//! | `postgres` | no | the durable store in a Postgres database, for several processes |
//! | `sqlite` | yes | the durable store in a SQLite file |
//! | `webhook` | yes | the webhook listener, and the tower service behind it |
//! | `testing` | no | [`testing`]: one event through one handler, without a server; the conformance suite that every store runs |
//! | `failpoints` | no | moments at which a test has the process end, for the crash bench |
//!
//! # Other crates
//!
//! The crates below 1.0 whose types are in signatures here are handed on, each in the version that fits: [`jiff`], [`rustls`],
//! [`tower`], and [`axum`] with the feature `webhook`; [`bytes`] as well, and [`async_trait`](mod@async_trait), with which a
//! [`Store`](store::Store) is written.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
pub mod clock;
#[cfg_attr(not(feature = "failpoints"), doc(hidden))]
pub mod failpoint;
pub mod handler;
pub mod limit;
pub mod model;
pub mod prelude;
pub mod router;
pub mod runtime;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
pub mod wire;

#[doc(hidden)]
pub mod __private;
mod backoff;
mod declared;
mod give_way;
mod outbox;
#[cfg(test)]
mod privacy;

#[cfg(feature = "webhook")]
pub use axum;
pub use handler::{Error, Mail, Reply, Result};
pub use openmail_agent_macros::mail_handler;
pub use router::Route;
pub use runtime::Runtime;
pub use {async_trait, bytes, jiff, rustls, tower};

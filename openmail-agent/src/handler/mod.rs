//! Handlers: async functions whose arguments are what they need and whose result is the reply.
#![doc = include_str!("../../docs/handlers.md")]

mod answering;
mod attachments;
mod collected;
mod compose;
mod context;
mod error;
mod extract;
mod facts;
mod mail;
mod memory;
mod numbers;
mod outcome;
mod reply;
mod reply_context;
mod service;
mod services;
mod state;
mod subject;
mod thread;

pub use attachments::Attachments;
pub use compose::Compose;
pub use context::Context;
pub(crate) use context::ContextParts;
pub use error::{Error, GiveUp, Result, RetryAfter, RetryVerdict};
pub use extract::{FromContext, Needs, PayloadKind, Rejection};
pub use facts::{Attempt, Cancelled};
pub use mail::Mail;
pub use memory::Memory;
#[cfg(any(test, feature = "testing"))]
pub(crate) use memory::memory_scope;
pub use outcome::{IntoOutcome, Outcome};
pub use reply::Reply;
pub use reply_context::{Delivery, ReplyContext, ReplyError, ReplyErrorKind, StepError, WhenLimited};
pub use service::{BoxedHandler, Handler};
pub(crate) use service::{boxed, layered};
pub(crate) use services::Services;
pub use state::{State, States};
pub use thread::Thread;

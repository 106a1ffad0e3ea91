//! A runtime for AI agents with an OpenMail inbox.

pub mod api;
pub mod backoff;
pub mod clock;
pub mod handler;
pub mod limit;
pub mod model;
pub mod outbox;
pub mod prelude;
pub mod router;
pub mod runtime;
pub mod store;
pub mod transport;
pub mod wire;

#[doc(hidden)]
pub mod __private;
mod declared;

pub use handler::{Error, Mail, Reply, Result};
pub use openmail_agent_macros::mail_handler;
pub use router::Route;

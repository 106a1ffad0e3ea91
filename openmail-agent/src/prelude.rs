//! What nearly every agent uses: `use openmail_agent::prelude::*;`.

pub use crate::handler::{
    Attachments, Attempt, Cancelled, Compose, Context, Delivery, Error, FromContext, GiveUp, Mail, Memory,
    Rejection, Reply, ReplyContext, Result, RetryAfter, State, Thread, WhenLimited,
};
pub use crate::model::{Inbox, Lifecycle, SendFailure};
pub use crate::router::Route;
pub use crate::runtime::Runtime;
pub use crate::{handlers, mail_handler};

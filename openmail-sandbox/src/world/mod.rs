//! The state of the sandbox: pure, synchronous, with the time asked of its own clock.

mod address;
mod clock;
mod connections;
mod events;
mod faults;
mod ids;
mod inbound;
mod inboxes;
mod keys;
mod limits;
mod pods;
mod quote;
mod refusal;
mod replay;
mod rows;
mod sends;
mod settings;
mod standing;
mod state;
mod threads;
mod webhooks;

pub(crate) use address::is_email;
pub(crate) use clock::{Clock, iso, until};
pub(crate) use connections::{Frame, Opening};
pub(crate) use faults::{AfterAnswer, BeforeAnswer};
pub(crate) use ids::webhook_secret;
pub(crate) use inboxes::no_webhook_url;
pub(crate) use keys::Caller;
pub(crate) use quote::without_tags;
pub(crate) use refusal::Refusal;
pub(crate) use replay::Subscribe;
pub(crate) use rows::{inbox_row, is_visible, key_row, pod_row};
pub(crate) use sends::{Receipt, SendRequest};
pub(crate) use settings::Settings;
pub(crate) use state::World;
pub(crate) use webhooks::{AccountWebhook, DueAttempt};

//! Events as webhooks: a tower service that mounts in any axum application, and a listener around it.
//!
//! A request is answered 200 only once its event is in the store. What is not signed by one of the secrets is answered
//! 401 with the reason; what is signed and cannot be read is kept for the operator and answered 200, since sending it
//! again would not change it.

mod answer;
mod body;
mod listen;
mod places;
mod service;

#[cfg(test)]
mod tests;

pub(crate) use listen::listen;
pub use service::Webhook;

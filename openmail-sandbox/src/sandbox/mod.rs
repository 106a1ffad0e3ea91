//! The sandbox itself, as a test holds it.

mod accounts;
mod builder;
mod faults;
mod mail;
mod senders;
mod server;
mod standing;
mod view;

pub use builder::{Builder, StartError};
pub use server::Sandbox;
pub use view::View;

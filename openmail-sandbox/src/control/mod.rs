//! What is not of the service: the page, and the ways to play the people outside and the weather.

mod accounts;
mod body;
mod clock;
mod conversation;
mod faults;
mod mail;
mod order;
mod overview;
mod routes;
mod senders;
mod stream;

pub(crate) use routes::router;

//! The sandbox keeps the service's contract: on real sockets, with clients that know nothing of its inside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attachments;
mod client;
mod command;
mod conformance;
mod drift;
mod extraction;
mod faults;
mod hostile_mail;
mod keys;
mod limits;
#[cfg(target_os = "linux")]
mod load;
mod multipart;
mod openapi;
mod operations;
mod page;
mod page_lists;
mod pdf;
mod reading;
mod recording;
mod relay;
mod replay;
mod reputation;
mod senders;
mod sending;
mod smtp;
mod smtp_client;
mod socket;
mod standing;
mod strictness;
mod testing;
mod threading;
mod webdriver;
mod webhook_receiver;
mod webhooks;

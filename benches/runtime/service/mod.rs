//! A service with nothing behind it: it confirms, floods and accepts as fast as it is read.

mod listen;
mod load;
mod rest;
mod socket;

pub(crate) use listen::Service;
pub(crate) use load::{Served, webhooks};
pub(crate) use socket::{Drip, Feed};

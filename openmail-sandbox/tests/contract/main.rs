//! The sandbox keeps the service's contract: on real sockets, with clients that know nothing of its inside.

mod client;
mod sending;
mod socket;

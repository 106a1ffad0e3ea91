//! Real mail in: a listener that any mail program can write to.

mod command;
mod connection;
mod data;
mod listener;
mod session;

pub(crate) use listener::run;

//! Signed deliveries to the customer's own address.

mod post;
mod worker;

pub(crate) use post::post;
pub(crate) use worker::run;

//! The client against a real server on a real socket.

#![cfg(feature = "webhook")]

mod attachments;
mod calls;
mod failures;
mod sends;
mod service;

use service::{Answer, Service};

use super::Client;
use crate::model::Secret;

const KEY: &str = "om_live_4f1c";

fn client(service: &Service) -> Client {
    Client::builder(Secret::new(KEY)).base_url(&service.url).unwrap().build().unwrap()
}

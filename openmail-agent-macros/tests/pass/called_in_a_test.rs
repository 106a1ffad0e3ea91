//! The function stays a function, so that a test can call it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use openmail_agent::model::Message;
use openmail_agent::prelude::*;

#[derive(Clone)]
struct Shop {
    name: &'static str,
}

#[mail_handler]
async fn greet(mail: Mail, State(shop): State<Shop>) -> Result<String> {
    Ok(format!("{} has your mail {}", shop.name, mail.id()))
}

#[test]
fn a_handler_is_still_a_function() {
    let mail = Mail::new(Message::new("msg_1"));
    let answer = pin!(greet(mail, State(Shop { name: "Acme" })));
    let Poll::Ready(Ok(answer)) = answer.poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert_eq!(answer, "Acme has your mail msg_1");
    assert_eq!(handlers![greet].len(), 1);
}

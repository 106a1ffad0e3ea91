//! HTML of mails, as a model is shown it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Message;
use openmail_agent::wire::text::{for_model, from_html, written_now};

fuzz_target!(|html: &str| {
    let _ = from_html(html);
    let mut message = Message::new("msg_1");
    message.html = Some(html.to_owned());
    let _ = written_now(&message);
    assert!(!for_model(&message, 2_000).contains('\0'));
});

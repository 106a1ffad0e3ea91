//! Text of mails: the new part is a part of it, and what a model is shown is capped, of a mail and of a conversation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Message;
use openmail_agent::wire::text::{conversation_for_model, for_model, new_text};

const MOST: usize = 200;

fuzz_target!(|text: &str| {
    assert!(new_text(text).len() <= text.len() + 1);
    let mut message = Message::new("msg_1");
    message.text = Some(text.to_owned());
    let (all, capped) = (for_model(&message, usize::MAX), for_model(&message, MOST));
    assert!(capped.chars().count() <= all.chars().count().max(MOST + 1_000), "the cap did not cap");
    let conversation = conversation_for_model(&"thr_1".into(), &[message.clone(), message], MOST);
    assert!(conversation.chars().count() <= MOST + 2_000, "the cap did not cap");
});

//! Bodies of webhooks: what can be read is written and read again unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Payload;
use openmail_agent::wire::event::{decode, encode};

fuzz_target!(|data: &[u8]| {
    let Ok(event) = decode(data, None) else { return };
    if matches!(event.payload, Payload::Unknown(_)) {
        return;
    }
    let again = decode(&encode(&event), Some(event.id.clone())).expect("what was written can be read");
    assert_eq!((&again.id, &again.kind, &again.thread_id), (&event.id, &event.kind, &event.thread_id));
    assert_eq!((&again.inbox_id, &again.external_id), (&event.inbox_id, &event.external_id));
    match (&event.payload, &again.payload) {
        (Payload::Message(before), Payload::Message(after)) => assert!(before == after, "the mail changed"),
        (Payload::Lifecycle(before), Payload::Lifecycle(after)) => assert_eq!(before, after),
        (Payload::SendFailure(before), Payload::SendFailure(after)) => assert_eq!(before, after),
        _ => panic!("the kind of payload changed"),
    }
});

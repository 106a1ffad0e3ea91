//! Bodies of webhooks: what can be read is written and read again unchanged, and its envelope says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Payload;
use openmail_agent::wire::event::{decode, encode, envelope};

fuzz_target!(|data: &[u8]| {
    let envelope = envelope(data, None);
    let Ok(event) = decode(data, None) else { return };
    let envelope = envelope.expect("what can be read has an envelope");
    assert_eq!((&envelope.id, &envelope.kind, &envelope.thread_id), (&event.id, &event.kind, &event.thread_id));
    assert_eq!((&envelope.inbox_id, envelope.occurred_at), (&event.inbox_id, event.occurred_at));
    let mail = if let Payload::Message(message) = &event.payload { Some(&message.id) } else { None };
    assert_eq!(envelope.message_id.as_ref(), mail);
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

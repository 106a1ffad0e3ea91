//! What is in a mail, and what is signed, stays out of `Debug`: it ends in logs.

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::value::to_raw_value;

use crate::model::{
    Attachment, Body, Draft, Event, EventKind, Message, OutgoingAttachment, Payload, Recipients,
};
use crate::store::{EventSeq, Lane, Lease, Leased, NewEvent, NewSend, Note, NoteScope};
use crate::transport::websocket::session::Action;
use crate::transport::{Received, Via};
use crate::wire::frame::ServerFrame;

const SECRET: &str = "hush";

fn secret() -> String {
    format!("{SECRET} <{SECRET}@a.example> https://a.example/?signature={SECRET}")
}

fn attachment() -> Attachment {
    let mut attachment = Attachment::named(secret());
    attachment.url = Some(secret());
    attachment.parsed_text = Some(secret());
    attachment
}

fn message() -> Message {
    let mut message = Message::new("msg_1");
    message.from = format!("{SECRET} <{SECRET}@a.example>").parse().ok();
    message.to.clone_from(&message.from);
    message.header_to = message.from.iter().cloned().collect();
    message.cc = message.header_to.clone();
    message.subject = Some(secret());
    message.text = Some(secret());
    message.html = Some(secret());
    message.attachments = vec![attachment()];
    message
}

fn event(payload: Payload) -> Arc<Event> {
    Arc::new(Event {
        id: "evt_1".into(),
        kind: EventKind::MESSAGE_RECEIVED,
        occurred_at: None,
        inbox_id: None,
        external_id: None,
        thread_id: None,
        payload,
    })
}

fn new_event() -> NewEvent {
    let lane = Lane("thr_1".into());
    let now = jiff::Timestamp::UNIX_EPOCH;
    NewEvent::new("evt_1", EventKind::MESSAGE_RECEIVED, lane, secret(), now)
}

#[test]
fn nothing_that_is_private_is_in_what_debug_shows() {
    let unknown = || Payload::Unknown(to_raw_value(&secret()).unwrap());
    let received = Received::new(secret(), Via::WebSocket);
    let deliver = Action::Deliver { body: secret().into(), event_id: None, envelope: None };
    let thread = NoteScope::Thread { thread_id: "thr_1".into(), name: "count".into() };
    let recipients = Recipients::one(format!("{SECRET}@a.example").parse().unwrap());
    let mut mailed = Draft::new(recipients, Body::Both { text: secret(), html: secret() });
    mailed.subject = Some(secret());
    mailed.attachments = vec![OutgoingAttachment::new(secret(), "text/plain", secret())];
    let send = NewSend::new("key".into(), "inb_1", "agent", mailed.clone());
    let values: [(&str, &dyn Debug); 13] = [
        ("Attachment", &attachment()),
        ("OutgoingAttachment", &mailed.attachments),
        ("Message", &message()),
        ("Event", &[event(unknown()), event(Payload::Message(Arc::new(message())))]),
        ("Payload", &unknown()),
        ("Draft", &mailed),
        ("NewEvent", &new_event()),
        ("Leased", &Leased::new(Lease::new(EventSeq(1), 1), new_event(), 1)),
        ("NewSend", &send),
        ("Note", &Note::new(thread, secret())),
        ("Received", &received),
        ("Action", &[deliver, Action::Report(secret())]),
        ("ServerFrame", &ServerFrame::Error { message: secret() }),
    ];
    for (name, value) in values {
        let (plain, pretty) = (format!("{value:?}"), format!("{value:#?}"));
        let bytes = format!("{:?}", SECRET.as_bytes());
        for shown in [plain, pretty] {
            assert!(
                !shown.contains(SECRET) && !shown.contains(bytes.trim_matches(['[', ']'])),
                "{name}: {shown}"
            );
            assert!(shown.len() > 3, "{name}: {shown}");
        }
    }
}

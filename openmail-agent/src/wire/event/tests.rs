use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::model::{
    Address, Attachment, Category, DeliveryRole, Direction, Event, EventId, EventKind, Lifecycle, Message,
    Payload, SendFailure, SuspensionReason, Verdict,
};
use crate::wire::{DecodeError, DecodeErrorKind};

/// Reads an event, and makes sure that its envelope says the same.
fn decode(body: &[u8], hint: Option<EventId>) -> Result<Event, DecodeError> {
    let (event, envelope) = (super::decode(body, hint.clone()), super::envelope(body, hint));
    if let Ok(event) = &event {
        let envelope = envelope.expect("what can be read has an envelope");
        let (message_id, pod_id) = match &event.payload {
            Payload::Message(message) => (Some(&message.id), None),
            Payload::Lifecycle(news) => (None, news.pod_id.as_ref()),
            _ => (None, None),
        };
        assert_eq!((&envelope.id, &envelope.kind), (&event.id, &event.kind));
        assert_eq!((&envelope.inbox_id, &envelope.thread_id), (&event.inbox_id, &event.thread_id));
        assert_eq!((envelope.message_id.as_ref(), envelope.occurred_at), (message_id, event.occurred_at));
        assert!(pod_id.is_none_or(|pod_id| envelope.pod_id.as_ref() == Some(pod_id)));
    }
    event
}

fn message(json: &str) -> Message {
    let body =
        format!(r#"{{"event":"message.received","event_id":"evt_1","thread_id":"thr_1","message":{json}}}"#);
    match decode(body.as_bytes(), None).unwrap().payload {
        Payload::Message(message) => std::sync::Arc::unwrap_or_clone(message),
        other => panic!("{other:?}"),
    }
}

fn error(json: &str) -> DecodeErrorKind {
    *decode(json.as_bytes(), None).unwrap_err().kind()
}

#[test]
fn a_received_mail_is_read_whole() {
    let body =
        br#"{"event":"message.received","event_id":"evt_7f2a","occurred_at":"2026-02-24T10:05:00.000Z",
     "delivered_at":"2026-02-24T10:05:00.012Z","attempt":1,"inbox_id":"inb_8f3a","external_id":"user_abc123",
     "thread_id":"thr_9d4e",
     "message":{"id":"msg_4c8d","rfc_message_id":"<original@message.id>","from":"Ada <customer@example.com>",
       "to":"jane@openmail.sh","cc":["b@b.example"],"subject":"Help with my order","body_text":"Hi \u00e4",
       "attachments":[{"filename":"invoice.pdf","contentType":"application/pdf","sizeBytes":12345,
         "url":"https://api.openmail.sh/v1/attachments/msg_4c8d/invoice.pdf",
         "parsedText":"Invoice","extractionMethod":"pdf"}],
       "category":"personal","auto_replyable":true,"verdict":"clean","spam_score":0.1,
       "received_at":"2026-02-24T10:05:00.000Z"}}"#;
    let event = decode(body, Some(EventId::from("hint"))).unwrap();
    assert_eq!(event.id.as_str(), "evt_7f2a");
    assert_eq!(event.inbox_id.unwrap().as_str(), "inb_8f3a");
    assert_eq!(event.external_id.unwrap().as_str(), "user_abc123");
    assert_eq!(event.occurred_at, Some("2026-02-24T10:05:00Z".parse().unwrap()));
    let Payload::Message(message) = event.payload else { panic!("no message") };
    let message = std::sync::Arc::unwrap_or_clone(message);
    assert_eq!(message.thread_id.unwrap().as_str(), "thr_9d4e");
    assert_eq!(message.from.as_ref().unwrap().name(), Some("Ada"));
    assert_eq!(message.cc.len(), 1);
    assert_eq!(message.text.as_deref(), Some("Hi ä"));
    assert_eq!(message.attachments[0].size, Some(12345));
    assert_eq!((message.category, message.verdict), (Some(Category::Personal), Some(Verdict::Clean)));
    assert_eq!(message.auto_replyable, Some(true));
}

#[test]
fn a_name_that_lists_addresses_does_not_become_the_sender() {
    for from in [
        r#""boss@corp.example, Eve <eve@evil.example>""#,
        r#"["boss@corp.example", "Eve <eve@evil.example>"]"#,
        r#"["boss@corp.example, Eve <eve@evil.example>"]"#,
    ] {
        let event = message(&format!(r#"{{"id":"m","from":{from}}}"#));
        let row = crate::wire::row::messages(format!(r#"[{{"id":"m","fromAddr":{from}}}]"#).as_bytes())
            .unwrap()
            .items
            .remove(0);
        for message in [event, row] {
            assert_eq!(message.from.unwrap().as_str(), "eve@evil.example", "{from}");
        }
    }
    let two = message(r#"{"id":"m","from":"boss@corp.example, eve@evil.example"}"#);
    assert_eq!(two.from, None, "nobody can tell which is the name");
}

#[test]
fn every_drift_of_a_mail_is_taken() {
    let bare = message(r#"{"id":"m"}"#);
    assert_eq!(bare.id.as_str(), "m");
    assert!(bare.from.is_none() && bare.cc.is_empty() && bare.subject.is_none() && bare.at.is_none());

    let nulls = message(
        r#"{"id":"m","rfc_message_id":null,"from":null,"to":null,"cc":null,"subject":null,"body_text":null,
            "attachments":null,"received_at":null,"category":null,"auto_replyable":null,"verdict":null}"#,
    );
    assert_eq!(nulls.id.as_str(), "m");

    assert_eq!(message(r#"{"id":4711}"#).id.as_str(), "4711");
    assert_eq!(message(r#"{"id":"m","from":"no address"}"#).from, None);
    assert_eq!(message(r#"{"id":"m","cc":"a@a.example, Bob <b@b.example>"}"#).cc.len(), 2);
    assert_eq!(message(r#"{"id":"m","cc":["a@a.example",null,7,"junk"]}"#).cc.len(), 1);
    assert_eq!(message(r#"{"id":"m","cc":"a@a.example, undisclosed, b@b.example"}"#).cc.len(), 2);
    assert_eq!(message(r#"{"id":"m","autoReplyable":false}"#).auto_replyable, Some(false));
    assert_eq!(
        message(r#"{"id":"m","auto_replyable":false,"autoReplyable":true}"#).auto_replyable,
        Some(false)
    );
    assert_eq!(message(r#"{"id":"m","received_at":"yesterday"}"#).at, None);
    assert_eq!(message(r#"{"id":"m","verdict":"SPAM"}"#).verdict, Some(Verdict::Spam));
    assert_eq!(message(r#"{"id":"m","verdict":"odd"}"#).verdict, Some(Verdict::Other("odd".into())));
    assert_eq!(message(r#"{"id":"m","attachments":[{},"x",{"filename":null}]}"#).attachments.len(), 2);
    assert_eq!(message(r#"{"id":"m","subject":{"deep":[1]},"body_text":[2],"new":{"x":1}}"#).subject, None);
    assert_eq!(message(r#"{"id":"m","body_text":"cut \ud83d"}"#).text.as_deref(), Some("cut \u{fffd}"));
    let unnamed = br#"{"event":"message.received","message":{"id":"m","subject":"cut \ud83d"}}"#;
    assert_eq!(decode(unnamed, None).unwrap().id, fallback_id(unnamed));
}

#[test]
fn what_an_event_cannot_do_without_is_named() {
    assert_eq!(error(r#"{"event_id":"e"}"#), DecodeErrorKind::Missing("event"));
    assert_eq!(error(r#"{"event":"message.received"}"#), DecodeErrorKind::Missing("message.id"));
    assert_eq!(
        error(r#"{"event":"message.received","message":"hi"}"#),
        DecodeErrorKind::Missing("message.id")
    );
    assert_eq!(
        error(r#"{"event":"message.received","message":{"id":" "}}"#),
        DecodeErrorKind::Missing("message.id")
    );
    assert_eq!(error(r#"{"event":"inbox.suspended","inbox_id":null}"#), DecodeErrorKind::Missing("inbox_id"));
    assert_eq!(error(r#"{"event":"pod.suspended"}"#), DecodeErrorKind::Missing("pod_id"));
    assert_eq!(error(r#"{"event":"reply.failed"}"#), DecodeErrorKind::Missing("failure.idempotency_key"));
    assert!(matches!(error("{\"event\":"), DecodeErrorKind::Syntax { .. }));
    for other_json in ["[1]", "7", "null", "\"x\""] {
        assert_ne!(error(other_json), DecodeErrorKind::Missing("message.id"));
    }
}

#[test]
fn errors_quote_nothing_of_the_body() {
    let error = decode(b"{\"event\":\"hush-hush\" hush-hush", None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"));
}

#[test]
fn an_unknown_kind_keeps_its_json() {
    let body = br#"{"event":"message.opened","event_id":"e9","message":"other shape","n":[1,2]}"#;
    let event = decode(body, None).unwrap();
    assert_eq!(event.kind, EventKind::new("message.opened"));
    assert_eq!(event.id.as_str(), "e9");
    assert_eq!(encode(&event), body);
}

#[test]
fn an_event_without_an_id_takes_the_hint_or_one_of_its_own() {
    let body = br#"{"event":"x.y"}"#;
    assert_eq!(decode(body, Some("header".into())).unwrap().id.as_str(), "header");
    assert_eq!(decode(body, None).unwrap().id, fallback_id(body));
    assert_ne!(fallback_id(body), fallback_id(b"{}"));
}

#[test]
fn lifecycle_events_are_read() {
    let body =
        br#"{"event":"pod.suspended","event_id":"e","pod_id":"pod_1","inbox_id":null,"inbox_address":null,
        "reason":"pod_degraded","occurred_at":"2026-02-24T10:05:00Z"}"#;
    let Payload::Lifecycle(news) = decode(body, None).unwrap().payload else { panic!("no lifecycle") };
    assert!(news.is_suspension());
    assert_eq!(news.pod_id.unwrap().as_str(), "pod_1");
    assert_eq!(news.reason, Some(SuspensionReason::PodDegraded));
    assert!(news.occurred_at.is_some());
}

#[test]
fn deep_and_large_bodies_do_no_harm() {
    let deep = format!(r#"{{"event":"x","a":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    let _ = decode(deep.as_bytes(), None);
    let deep = format!(r#"{{"event":"message.received","message":{}"#, r#"{"message":"#.repeat(200_000));
    assert!(decode(deep.as_bytes(), None).is_err());
    let text = "x".repeat(5_000_000);
    let large = message(&format!(r#"{{"id":"m","from":"{text}","cc":"{text}","body_text":"{text}"}}"#));
    assert_eq!(large.text.map(|text| text.len()), Some(5_000_000));
}

#[test]
fn a_failed_reply_survives() {
    let mut failure = SendFailure::new("key", "support", Some("recipient_suppressed".into()), "bounced");
    let event = event_of(EventKind::REPLY_FAILED, Payload::SendFailure(failure.clone()));
    assert_eq!(decode(&encode(&event), None).unwrap().payload, event.payload, "as earlier versions wrote it");
    failure.to = Some("Ada <ada@example.com>".parse().unwrap());
    failure.subject = Some("Order 4711".to_owned());
    let event = event_of(EventKind::REPLY_FAILED, Payload::SendFailure(failure.clone()));
    match decode(&encode(&event), None).unwrap().payload {
        Payload::SendFailure(read) => assert_eq!(read, failure),
        other => panic!("{other:?}"),
    }
}

fn event_of(kind: EventKind, payload: Payload) -> Event {
    Event {
        id: "evt_1".into(),
        kind,
        occurred_at: Some(Timestamp::UNIX_EPOCH),
        inbox_id: Some("inb_1".into()),
        external_id: None,
        thread_id: Some("thr_1".into()),
        payload,
    }
}

fn optional_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(".*")
}

prop_compose! {
    fn any_message()(
        id in "[a-zA-Z0-9_/.]{1,20}",
        subject in optional_text(),
        text in optional_text(),
        html in optional_text(),
        filename in ".*",
        parsed_text in optional_text(),
        name in "[A-Za-z,\"\\\\ ]{0,10}",
        outbound in any::<bool>(),
        role in proptest::option::of(any::<bool>()),
        auto_replyable in proptest::option::of(any::<bool>()),
        verdict in proptest::option::of(Just(Verdict::Malicious)),
        second in 0_i64..4_000_000_000,
    ) -> Message {
        let named = format!("\"{}\" <a@example.com>", name.replace('\\', "").replace('"', "\\\""));
        let from: Option<Address> = named.parse().ok();
        let mut attachment = Attachment::named(filename);
        attachment.parsed_text = parsed_text;
        Message {
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            thread_id: Some("thr_1".into()),
            header_to: from.iter().cloned().collect(),
            cc: from.iter().cloned().collect(),
            from,
            subject,
            text,
            html,
            attachments: vec![attachment],
            delivery_role: role.map(|cc| if cc { DeliveryRole::Cc } else { DeliveryRole::To }),
            category: Some(Category::Other("novel".into())),
            auto_replyable,
            verdict,
            at: Timestamp::from_second(second).ok(),
            ..Message::new(id)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_comes_back_from_its_event_unchanged(message in any_message()) {
        let event = from_row(message.clone(), "inb_1".into(), Some("user_1".into()));
        let read = decode(&encode(&event), None).unwrap();
        prop_assert_eq!(read.id.as_str(), format!("rest:{}", message.id));
        prop_assert_eq!(read.inbox_id, event.inbox_id);
        prop_assert_eq!(read.external_id, event.external_id);
        prop_assert_eq!(read.occurred_at, message.at);
        let Payload::Message(read) = read.payload else { panic!("no message") };
        // Names count here, which the equality of addresses leaves out.
        prop_assert_eq!(serde_json::to_value(&*read).unwrap(), serde_json::to_value(&message).unwrap());
    }

    #[test]
    fn a_lifecycle_event_comes_back_unchanged(pod in any::<bool>(), reason in "[a-z_]{1,12}") {
        let kind = if pod { EventKind::POD_SUSPENDED } else { EventKind::INBOX_SUSPENDED };
        let news = Lifecycle {
            inbox_id: Some("inb_1".into()),
            inbox_address: "a@example.com".parse().ok(),
            pod_id: Some("pod_1".into()),
            reason: Some(SuspensionReason::Other(reason)),
            occurred_at: Some(Timestamp::UNIX_EPOCH),
            ..Lifecycle::new(kind.clone())
        };
        let read = decode(&encode(&event_of(kind, Payload::Lifecycle(news.clone()))), None).unwrap();
        let Payload::Lifecycle(read) = read.payload else { panic!("no lifecycle") };
        prop_assert_eq!(read, news);
    }

    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, None);
    }
}

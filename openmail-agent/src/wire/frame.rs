//! The frames of the WebSocket: what the client says, strictly, and what the server says, tolerantly.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::{EventId, InboxId};

use super::event::{Envelope, envelope_of_frame};

/// A frame to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum ClientFrame {
    /// Asks for events. Subscriptions add up.
    Subscribe(Subscription),
    /// Asks for a pong: everything asked before has been answered when it comes.
    Ping,
}

/// What to receive. Nothing set = everything the key may see, from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Subscription {
    /// Of these inboxes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_ids: Option<Vec<InboxId>>,
    /// Beginning with what came after this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<EventId>,
}

impl ClientFrame {
    /// The frame as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and lists of strings are always JSON")
    }
}

/// A frame that arrived.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerFrame {
    /// A subscription is in force.
    Subscribed {
        /// The inboxes it covers; empty = all.
        inbox_ids: Vec<InboxId>,
    },
    /// Something that was asked is refused. The socket stays open, perhaps deaf.
    Error {
        /// Why, in the service's words.
        message: String,
    },
    /// The answer to [`ClientFrame::Ping`].
    Pong,
    /// News.
    Event {
        /// The event as it came.
        body: Bytes,
        /// Its id, where it has one.
        event_id: Option<EventId>,
        /// What it is about, where that is plain; what is not must be read with more patience.
        envelope: Option<Envelope>,
    },
    /// Something this version does not know, or garbage.
    Unknown,
}

impl ServerFrame {
    /// Tells what a text or binary message is. Of an event, which almost all are, only what it is about is read.
    ///
    /// Never fails: what cannot be read is [`Unknown`](ServerFrame::Unknown).
    #[must_use]
    pub fn parse(body: Bytes) -> Self {
        if let Some(envelope) = envelope_of_frame(&body) {
            return Self::Event { body, event_id: Some(envelope.id.clone()), envelope: Some(envelope) };
        }
        let Ok(peek) = serde_json::from_slice::<Peek<'_>>(&body) else { return Self::Unknown };
        let (kind, event) = (read_text(peek.kind), read_text(peek.event));
        // The answers to what was asked have no `event`; that events have no `type` is not to be relied on.
        let is_event = event.is_some_and(|event| !event.trim().is_empty() || kind.is_none());
        match kind.as_deref() {
            _ if is_event => {
                let event_id = read_text(peek.event_id).filter(|id| !id.trim().is_empty());
                let event_id = event_id.map(|id| EventId::from(&*id));
                Self::Event { body, event_id, envelope: None }
            }
            Some("subscribed") => Self::Subscribed { inbox_ids: read(peek.inbox_ids) },
            Some("error") => Self::Error { message: read(peek.message) },
            Some("pong") => Self::Pong,
            _ => Self::Unknown,
        }
    }
}

/// Bodies and the service's words stay out of `Debug`.
impl std::fmt::Debug for ServerFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subscribed { inbox_ids } => write!(f, "Subscribed({inbox_ids:?})"),
            Self::Error { message } => write!(f, "Error({} bytes)", message.len()),
            Self::Pong => f.write_str("Pong"),
            Self::Event { body, event_id, .. } => write!(f, "Event({event_id:?}, {} bytes)", body.len()),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// The few fields that tell frames apart. Each stays raw, because `message` is text in an error and an object in an
/// event, and because a field of the wrong type must not spoil the others.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    inbox_ids: Option<&'a RawValue>,
}

fn read<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn read_text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    /// `Cow` alone is always deserialised as owned.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    raw.and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok()).map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ServerFrame {
        ServerFrame::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn client_frames_carry_what_is_set_and_nothing_else() {
        let everything = ClientFrame::Subscribe(Subscription::default());
        assert_eq!(everything.to_json(), r#"{"type":"subscribe"}"#);
        let narrow = ClientFrame::Subscribe(Subscription {
            inbox_ids: Some(vec!["inb_1".into()]),
            last_event_id: Some("evt_1".into()),
        });
        assert_eq!(narrow.to_json(), r#"{"type":"subscribe","inbox_ids":["inb_1"],"last_event_id":"evt_1"}"#);
        assert_eq!(ClientFrame::Ping.to_json(), r#"{"type":"ping"}"#);
    }

    #[test]
    fn every_server_frame_is_told_apart() {
        assert_eq!(
            parse(r#"{"type":"subscribed","inbox_ids":["inb_1"],"event_types":[],"more":{}}"#),
            ServerFrame::Subscribed { inbox_ids: vec!["inb_1".into()] }
        );
        assert_eq!(parse(r#"{"type":"subscribed"}"#), ServerFrame::Subscribed { inbox_ids: vec![] });
        assert_eq!(parse(r#"{"type":"unsubscribed","inbox_ids":null}"#), ServerFrame::Unknown);
        assert_eq!(parse(r#"{"type":"error"}"#), ServerFrame::Error { message: String::new() });
        assert_eq!(parse(r#"{"type":"pong"}"#), ServerFrame::Pong);
        assert_eq!(parse(r#"{"type":"brand.new"}"#), ServerFrame::Unknown);
    }

    #[test]
    fn an_event_keeps_its_bytes_and_shows_its_id() {
        let text = r#" {"event":"message.received","event_id":"evt_\u0031","message":{"id":"msg_1"}} "#;
        let ServerFrame::Event { body, event_id, envelope } = parse(text) else { panic!("no event") };
        assert_eq!((body, event_id), (Bytes::from(text), Some("evt_1".into())));
        assert_eq!(envelope.unwrap(), crate::wire::event::envelope(text.as_bytes(), None).unwrap());
    }

    #[test]
    fn what_names_an_event_is_one_whatever_its_type() {
        for kind in [r#""event""#, r#""message.received""#, r#""error""#, "7", "null", "{}"] {
            let plain = format!(
                r#"{{"type":{kind},"event":"message.received","event_id":"evt_1","message":{{"id":"msg_1"}}}}"#
            );
            let frame = parse(&plain);
            assert!(
                matches!(&frame, ServerFrame::Event { event_id: Some(id), envelope: Some(_), .. } if id.as_str() == "evt_1"),
                "{plain}: {frame:?}"
            );
            let odd = format!(r#"{{"type":{kind},"event":"message.received","message":"text"}}"#);
            let frame = parse(&odd);
            assert!(
                matches!(frame, ServerFrame::Event { event_id: None, envelope: None, .. }),
                "{odd}: {frame:?}"
            );
        }
        let frame = parse(r#"{"type":"subscribed","event":"","event_id":"evt_1"}"#);
        assert!(matches!(frame, ServerFrame::Subscribed { .. }), "{frame:?}");
        assert_eq!(parse(r#"{"type":"message.received","event_id":"evt_1"}"#), ServerFrame::Unknown);
    }

    #[test]
    fn an_odd_event_is_still_an_event() {
        for text in [
            r#"{"event":"x.y"}"#,
            r#"{"type":null,"event":"x.y","event_id":[7]}"#,
            r#"{"event":"message.received","message":{"subject":"cut \ud83d"}}"#,
            r#"{"event":"x.y","event_id":"","message":"text","inbox_ids":{}}"#,
        ] {
            let frame = parse(text);
            assert!(matches!(frame, ServerFrame::Event { event_id: None, .. }), "{text}: {frame:?}");
        }
    }

    #[test]
    fn garbage_is_unknown_and_never_a_panic() {
        let deep = "[".repeat(200_000);
        let nested = format!(r#"{{"event":{deep}"#);
        for text in ["", "null", "[]", "7", "{", "{}", r#"{"type":7}"#, r#"{"event":{}}"#, &deep, &nested] {
            assert_eq!(parse(text), ServerFrame::Unknown);
        }
        assert_eq!(ServerFrame::parse(Bytes::from_static(b"\xff\xfe\x00")), ServerFrame::Unknown);
        assert_eq!(ServerFrame::parse(Bytes::from_static(b"{\"event\":\"\xff\"}")), ServerFrame::Unknown);
    }

    #[test]
    fn debug_shows_no_body() {
        let frame = parse(r#"{"event":"message.received","message":{"subject":"secret plans"}}"#);
        assert!(!format!("{frame:?}").contains("secret"));
    }
}

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{
    Address, Attachment, Category, DeliveryRole, Direction, Event, EventId, EventKind, ExternalId, InboxId,
    Lifecycle, Message, Payload, PodId, SendFailure, SuspensionReason, ThreadId, Verdict,
};

/// Writes an event as the service would, so that a store keeps one form whatever way the event came.
///
/// [`decode`](super::decode()) reads it back unchanged.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    let json = match &event.payload {
        Payload::Unknown(raw) => serde_json::to_vec(raw),
        _ => serde_json::to_vec(&EventJson::of(event)),
    };
    json.expect("text and numbers can always be written")
}

/// What the id of an event begins with that was made from a row.
pub const FROM_ROW: &str = "rest:";

/// The event that tells of a mail found over REST: its id is made of the mail's, `rest:msg_4c8d`.
#[must_use]
pub fn from_row(message: Message, inbox_id: InboxId, external_id: Option<ExternalId>) -> Event {
    Event {
        id: EventId::from(format!("{FROM_ROW}{}", message.id)),
        kind: EventKind::MESSAGE_RECEIVED,
        occurred_at: message.at,
        inbox_id: Some(inbox_id),
        external_id,
        thread_id: message.thread_id.clone(),
        payload: Payload::Message(Arc::new(message)),
    }
}

#[derive(Serialize)]
struct EventJson<'a> {
    event: &'a EventKind,
    event_id: &'a EventId,
    occurred_at: Option<Timestamp>,
    inbox_id: Option<&'a InboxId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox_address: Option<&'a Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a SuspensionReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a SendFailure>,
}

impl<'a> EventJson<'a> {
    fn of(event: &'a Event) -> Self {
        let mut json = Self {
            event: &event.kind,
            event_id: &event.id,
            occurred_at: event.occurred_at,
            inbox_id: event.inbox_id.as_ref(),
            inbox_address: None,
            pod_id: None,
            external_id: event.external_id.as_ref(),
            thread_id: event.thread_id.as_ref().map(ThreadId::as_str),
            reason: None,
            message: None,
            failure: None,
        };
        match &event.payload {
            Payload::Message(message) => json.message = Some(MessageJson::of(message)),
            Payload::Lifecycle(news) => json.add(news),
            Payload::SendFailure(failure) => json.failure = Some(failure),
            Payload::Unknown(_) => {}
        }
        json
    }

    fn add(&mut self, news: &'a Lifecycle) {
        self.inbox_address = news.inbox_address.as_ref();
        self.pod_id = news.pod_id.as_ref().map(PodId::as_str);
        self.reason = news.reason.as_ref();
    }
}

#[derive(Serialize)]
struct MessageJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    direction: Direction,
    rfc_message_id: Option<&'a str>,
    from: Option<&'a Address>,
    to: Option<&'a Address>,
    #[serde(skip_serializing_if = "<[Address]>::is_empty")]
    header_to: &'a [Address],
    cc: &'a [Address],
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_role: Option<DeliveryRole>,
    subject: Option<&'a str>,
    body_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_html: Option<&'a str>,
    attachments: Vec<AttachmentJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a Category>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_replyable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a Verdict>,
    received_at: Option<Timestamp>,
}

impl<'a> MessageJson<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            id: message.id.as_str(),
            thread_id: message.thread_id.as_ref().map(ThreadId::as_str),
            direction: message.direction,
            rfc_message_id: message.rfc_message_id.as_deref(),
            from: message.from.as_ref(),
            to: message.to.as_ref(),
            header_to: &message.header_to,
            cc: &message.cc,
            delivery_role: message.delivery_role,
            subject: message.subject.as_deref(),
            body_text: message.text.as_deref(),
            body_html: message.html.as_deref(),
            attachments: message.attachments.iter().map(AttachmentJson::of).collect(),
            category: message.category.as_ref(),
            auto_replyable: message.auto_replyable,
            verdict: message.verdict.as_ref(),
            received_at: message.at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentJson<'a> {
    filename: &'a str,
    content_type: Option<&'a str>,
    size_bytes: Option<u64>,
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parsed_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extraction_method: Option<&'a str>,
}

impl<'a> AttachmentJson<'a> {
    fn of(attachment: &'a Attachment) -> Self {
        Self {
            filename: &attachment.filename,
            content_type: attachment.content_type.as_deref(),
            size_bytes: attachment.size,
            url: attachment.url.as_deref(),
            parsed_text: attachment.parsed_text.as_deref(),
            extraction_method: attachment.extraction_method.as_deref(),
        }
    }
}

use serde::Deserialize;

use crate::model::{Attachment, Direction, Message, SendFailure};
use crate::wire::lenient::{Addresses, Flag, List, Number, Object, Sender, Text};

use super::Envelope;
use super::envelope::{Head, MessageHead};

/// Every field any known kind has, borrowed from the body.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(default, borrow)]
    pub event: Text<'a>,
    #[serde(default, borrow)]
    pub r#type: Text<'a>,
    #[serde(default, borrow)]
    pub event_id: Text<'a>,
    #[serde(default, borrow)]
    pub occurred_at: Text<'a>,
    #[serde(default, borrow)]
    pub inbox_id: Text<'a>,
    #[serde(default)]
    pub inbox_address: Addresses,
    #[serde(default, borrow)]
    pub pod_id: Text<'a>,
    #[serde(default, borrow)]
    pub external_id: Text<'a>,
    #[serde(default, borrow)]
    pub thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub reason: Text<'a>,
    #[serde(default, borrow)]
    pub message: Object<MessageFrame<'a>>,
    #[serde(default, borrow)]
    pub failure: Object<FailureFrame<'a>>,
}

impl Frame<'_> {
    pub(super) fn head(&self) -> Head<'_> {
        let message = self.message.0.as_ref();
        Head {
            event: self.event.as_deref(),
            r#type: self.r#type.as_deref(),
            event_id: self.event_id.as_deref(),
            occurred_at: self.occurred_at.as_deref(),
            inbox_id: self.inbox_id.as_deref(),
            pod_id: self.pod_id.as_deref(),
            thread_id: self.thread_id.as_deref(),
            message: message.map(|message| MessageHead {
                id: message.id.as_deref(),
                thread_id: message.thread_id.as_deref(),
                received_at: message.received_at.as_deref(),
            }),
            failed_key: self.failure.0.as_ref().and_then(|failure| failure.idempotency_key.as_deref()),
        }
    }
}

/// The mail within an event. The last fields are the runtime's own: the catch-up writes what only a row knows.
#[derive(Deserialize)]
pub(super) struct MessageFrame<'a> {
    #[serde(default, borrow)]
    pub id: Text<'a>,
    #[serde(default, borrow)]
    pub thread_id: Text<'a>,
    #[serde(default, borrow)]
    rfc_message_id: Text<'a>,
    #[serde(default)]
    from: Sender,
    #[serde(default)]
    to: Addresses,
    #[serde(default)]
    cc: Addresses,
    #[serde(default, borrow)]
    subject: Text<'a>,
    #[serde(default, borrow)]
    body_text: Text<'a>,
    #[serde(default, borrow)]
    attachments: List<AttachmentFrame<'a>>,
    #[serde(default, borrow)]
    received_at: Text<'a>,
    #[serde(default, borrow)]
    category: Text<'a>,
    #[serde(default)]
    auto_replyable: Flag,
    #[serde(default, rename = "autoReplyable")]
    auto_replyable_camel: Flag,
    #[serde(default, borrow)]
    verdict: Text<'a>,
    #[serde(default, borrow)]
    direction: Text<'a>,
    #[serde(default)]
    header_to: Addresses,
    #[serde(default, borrow)]
    delivery_role: Text<'a>,
    #[serde(default, borrow)]
    body_html: Text<'a>,
}

impl MessageFrame<'_> {
    /// The mail; `None` when it has no id.
    pub(super) fn into_message(self, envelope: &Envelope) -> Option<Message> {
        Some(Message {
            id: envelope.message_id.clone()?,
            thread_id: envelope.thread_id.clone(),
            direction: self.direction.named().unwrap_or(Direction::Inbound),
            rfc_message_id: self.rfc_message_id.id(),
            from: self.from.0,
            to: self.to.first(),
            header_to: self.header_to.0,
            cc: self.cc.0,
            delivery_role: self.delivery_role.named(),
            subject: self.subject.owned(),
            text: self.body_text.owned(),
            html: self.body_html.owned(),
            attachments: attachments(self.attachments),
            category: self.category.named(),
            auto_replyable: self.auto_replyable.or(self.auto_replyable_camel),
            verdict: self.verdict.named(),
            at: self.received_at.timestamp(),
        })
    }
}

/// An attachment: camelCase in events and rows alike.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct AttachmentFrame<'a> {
    #[serde(default, borrow)]
    filename: Text<'a>,
    #[serde(default, borrow)]
    content_type: Text<'a>,
    #[serde(default)]
    size_bytes: Number,
    #[serde(default, borrow)]
    url: Text<'a>,
    #[serde(default, borrow)]
    parsed_text: Text<'a>,
    #[serde(default, borrow)]
    extraction_method: Text<'a>,
}

/// Attachments in order; one without a name stays, under an empty one.
pub(in crate::wire) fn attachments(list: List<AttachmentFrame<'_>>) -> Vec<Attachment> {
    list.0.into_iter().filter_map(|entry| entry.0).map(AttachmentFrame::into_attachment).collect()
}

impl AttachmentFrame<'_> {
    fn into_attachment(self) -> Attachment {
        Attachment {
            filename: self.filename.owned().unwrap_or_default(),
            content_type: self.content_type.id(),
            size: self.size_bytes.0,
            url: self.url.id(),
            parsed_text: self.parsed_text.owned(),
            extraction_method: self.extraction_method.id(),
        }
    }
}

/// A reply that failed for good.
#[derive(Deserialize)]
pub(super) struct FailureFrame<'a> {
    #[serde(default, borrow)]
    idempotency_key: Text<'a>,
    #[serde(default, borrow)]
    handler: Text<'a>,
    #[serde(default, borrow)]
    to: Text<'a>,
    #[serde(default, borrow)]
    subject: Text<'a>,
    #[serde(default, borrow)]
    code: Text<'a>,
    #[serde(default, borrow)]
    message: Text<'a>,
}

impl FailureFrame<'_> {
    pub(super) fn into_failure(self) -> Option<SendFailure> {
        Some(SendFailure {
            idempotency_key: self.idempotency_key.id()?,
            handler: self.handler.owned().unwrap_or_default(),
            to: self.to.owned().and_then(|to| to.parse().ok()),
            subject: self.subject.owned(),
            code: self.code.id(),
            message: self.message.owned().unwrap_or_default(),
        })
    }
}

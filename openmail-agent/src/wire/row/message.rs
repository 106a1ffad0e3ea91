use serde::Deserialize;

use crate::model::{Direction, Message, Page};
use crate::wire::DecodeError;
use crate::wire::event::{AttachmentFrame, attachments};
use crate::wire::lenient::{Addresses, Flag, List, Sender, Text, read};

use super::list::Rows;

/// Reads a list of mails. A row without an id is counted, not taken.
///
/// # Errors
///
/// When it is no list.
pub(crate) fn messages(body: &[u8]) -> Result<Page<Message>, DecodeError> {
    read(body, |body| {
        let rows: Rows<MessageRow<'_>> = serde_json::from_slice(body)?;
        Ok(rows.into_page(MessageRow::into_message))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageRow<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    message_id: Text<'a>,
    #[serde(default, borrow)]
    thread_id: Text<'a>,
    #[serde(default, borrow)]
    direction: Text<'a>,
    #[serde(default, borrow)]
    rfc_message_id: Text<'a>,
    #[serde(default)]
    from_addr: Sender,
    #[serde(default)]
    from: Sender,
    #[serde(default)]
    to_addr: Addresses,
    #[serde(default)]
    to: Addresses,
    #[serde(default)]
    header_to: Addresses,
    #[serde(default, borrow)]
    delivery_role: Text<'a>,
    #[serde(default)]
    cc: Addresses,
    #[serde(default, borrow)]
    subject: Text<'a>,
    #[serde(default, borrow)]
    body_text: Text<'a>,
    #[serde(default, borrow)]
    body_html: Text<'a>,
    #[serde(default, borrow)]
    attachments: List<AttachmentFrame<'a>>,
    #[serde(default, borrow)]
    status: Text<'a>,
    #[serde(default, borrow)]
    category: Text<'a>,
    #[serde(default)]
    auto_replyable: Flag,
    #[serde(default, rename = "auto_replyable")]
    auto_replyable_snake: Flag,
    #[serde(default, borrow)]
    verdict: Text<'a>,
    #[serde(default, borrow)]
    created_at: Text<'a>,
    #[serde(default, borrow)]
    received_at: Text<'a>,
}

impl MessageRow<'_> {
    pub(super) fn into_message(self) -> Option<Message> {
        Some(Message {
            direction: self.direction(),
            id: self.id.id().or(self.message_id.id())?,
            thread_id: self.thread_id.id(),
            rfc_message_id: self.rfc_message_id.id(),
            from: self.from_addr.or(self.from).0,
            to: self.to_addr.or(self.to).first(),
            header_to: self.header_to.0,
            cc: self.cc.0,
            delivery_role: self.delivery_role.named(),
            subject: self.subject.owned(),
            text: self.body_text.owned(),
            html: self.body_html.owned(),
            attachments: attachments(self.attachments),
            category: self.category.named(),
            auto_replyable: self.auto_replyable.or(self.auto_replyable_snake),
            verdict: self.verdict.named(),
            at: self.created_at.timestamp().or(self.received_at.timestamp()),
        })
    }

    /// Where the direction is not told, the status tells it: only mail that came in is `received`.
    fn direction(&self) -> Direction {
        self.direction.named().unwrap_or(match self.status.as_deref() {
            Some("pending" | "sent" | "failed") => Direction::Outbound,
            _ => Direction::Inbound,
        })
    }
}

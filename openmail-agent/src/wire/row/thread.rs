use serde::Deserialize;

use crate::model::{Page, ThreadId, ThreadMessages, ThreadSummary};
use crate::wire::DecodeError;
use crate::wire::lenient::{Flag, Number, Text, read};

use super::list::Rows;
use super::message::MessageRow;

/// Reads a list of conversations. A row without an id is counted, not taken.
///
/// # Errors
///
/// When it is no list.
pub(crate) fn threads(body: &[u8]) -> Result<Page<ThreadSummary>, DecodeError> {
    read(body, |body| {
        let rows: Rows<ThreadRow<'_>> = serde_json::from_slice(body)?;
        Ok(rows.into_page(ThreadRow::into_summary))
    })
}

/// Reads a conversation with its mails; `asked` is its id where the answer does not repeat it.
///
/// # Errors
///
/// When there is no list of mails in it.
pub(crate) fn thread_messages(body: &[u8], asked: &ThreadId) -> Result<ThreadMessages, DecodeError> {
    read(body, |body| {
        let rows: Rows<MessageRow<'_>> = serde_json::from_slice(body)?;
        let page = rows.into_page(MessageRow::into_message);
        let head: ThreadHead<'_> = serde_json::from_slice(body).unwrap_or_default();
        Ok(ThreadMessages {
            id: head.thread_id.id().unwrap_or_else(|| asked.clone()),
            subject: head.subject.owned(),
            is_read: head.is_read.or(head.is_read_snake),
            messages: page.items,
            unreadable: page.unreadable,
        })
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThreadHead<'a> {
    #[serde(default, borrow)]
    thread_id: Text<'a>,
    #[serde(default, borrow)]
    subject: Text<'a>,
    #[serde(default)]
    is_read: Flag,
    #[serde(default, rename = "is_read")]
    is_read_snake: Flag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThreadRow<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    thread_id: Text<'a>,
    #[serde(default, borrow)]
    subject: Text<'a>,
    #[serde(default)]
    is_read: Flag,
    #[serde(default, rename = "is_read")]
    is_read_snake: Flag,
    #[serde(default, borrow)]
    last_message_at: Text<'a>,
    #[serde(default, borrow)]
    created_at: Text<'a>,
    #[serde(default)]
    message_count: Number,
}

impl ThreadRow<'_> {
    fn into_summary(self) -> Option<ThreadSummary> {
        Some(ThreadSummary {
            id: self.id.id().or(self.thread_id.id())?,
            subject: self.subject.owned(),
            is_read: self.is_read.or(self.is_read_snake),
            last_message_at: self.last_message_at.timestamp(),
            created_at: self.created_at.timestamp(),
            message_count: self.message_count.0,
        })
    }
}

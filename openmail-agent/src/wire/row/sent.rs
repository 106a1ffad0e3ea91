use serde::Deserialize;

use crate::model::{AttachmentText, SendStatus, SentMessage};
use crate::wire::lenient::{Text, object, read};
use crate::wire::{DecodeError, DecodeErrorKind};

/// Reads the answer to a send: `messageId` or `id`, either of which may be missing.
///
/// # Errors
///
/// When it is no JSON object.
pub(crate) fn sent(body: &[u8]) -> Result<SentMessage, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(default, borrow)]
        message_id: Text<'a>,
        #[serde(default, borrow)]
        id: Text<'a>,
        #[serde(default, borrow)]
        thread_id: Text<'a>,
        #[serde(default, borrow)]
        provider_message_id: Text<'a>,
        #[serde(default, borrow)]
        status: Text<'a>,
    }
    let row: Row<'_> = object(body)?;
    Ok(SentMessage {
        message_id: row.message_id.id().or(row.id.id()),
        thread_id: row.thread_id.id(),
        provider_message_id: row.provider_message_id.id(),
        status: row.status.id::<String>().map(|status| match status.to_ascii_lowercase().as_str() {
            "pending" => SendStatus::Pending,
            "sent" => SendStatus::Sent,
            "failed" => SendStatus::Failed,
            _ => SendStatus::Other(status),
        }),
    })
}

/// Reads the text the service found in an attachment.
///
/// # Errors
///
/// When there is no text in it.
pub(crate) fn attachment_text(body: &[u8]) -> Result<AttachmentText, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(default, borrow)]
        filename: Text<'a>,
        #[serde(default, borrow)]
        content_type: Text<'a>,
        #[serde(default, borrow)]
        extraction_method: Text<'a>,
        #[serde(default, borrow)]
        text: Text<'a>,
    }
    read(body, |body| {
        let row: Row<'_> = object(body)?;
        Ok(AttachmentText {
            filename: row.filename.id(),
            content_type: row.content_type.id(),
            extraction_method: row.extraction_method.id(),
            text: row.text.owned().ok_or(DecodeErrorKind::Missing("text"))?,
        })
    })
}

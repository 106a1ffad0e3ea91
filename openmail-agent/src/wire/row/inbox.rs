use serde::Deserialize;

use crate::model::{Inbox, InboxWithSecret, Page, Secret};
use crate::wire::lenient::{Addresses, Text, object, read};
use crate::wire::{DecodeError, DecodeErrorKind};

use super::list::Rows;

/// Reads an inbox.
///
/// # Errors
///
/// When it is no JSON object or has no id.
pub(crate) fn inbox(body: &[u8]) -> Result<Inbox, DecodeError> {
    inbox_with_secret(body).map(|made| made.inbox)
}

/// Reads an inbox that was just made or changed, with the webhook secret that may come with it.
///
/// # Errors
///
/// When it is no JSON object or has no id.
pub(crate) fn inbox_with_secret(body: &[u8]) -> Result<InboxWithSecret, DecodeError> {
    read(body, |body| {
        let mut row: InboxRow<'_> = object(body)?;
        let webhook_secret = std::mem::take(&mut row.webhook_secret).secret();
        let inbox = row.into_inbox().ok_or(DecodeErrorKind::Missing("id"))?;
        Ok(InboxWithSecret { inbox, webhook_secret })
    })
}

/// Reads a list of inboxes. A row without an id is counted, not taken.
///
/// # Errors
///
/// When it is no list.
pub(crate) fn inboxes(body: &[u8]) -> Result<Page<Inbox>, DecodeError> {
    read(body, |body| {
        let rows: Rows<InboxRow<'_>> = serde_json::from_slice(body)?;
        Ok(rows.into_page(InboxRow::into_inbox))
    })
}

/// Reads a rotated webhook secret.
///
/// # Errors
///
/// When there is none in it.
pub(crate) fn webhook_secret(body: &[u8]) -> Result<Secret, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(default, borrow)]
        webhook_secret: Text<'a>,
    }
    let row: Row<'_> = object(body)?;
    row.webhook_secret.secret().ok_or_else(|| DecodeErrorKind::Missing("webhookSecret").into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InboxRow<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default)]
    address: Addresses,
    #[serde(default, borrow)]
    display_name: Text<'a>,
    #[serde(default, borrow)]
    pod_id: Text<'a>,
    #[serde(default, borrow)]
    external_id: Text<'a>,
    #[serde(default, borrow)]
    webhook_url: Text<'a>,
    #[serde(default, borrow)]
    webhook_secret: Text<'a>,
    #[serde(default, borrow)]
    created_at: Text<'a>,
}

impl InboxRow<'_> {
    fn into_inbox(self) -> Option<Inbox> {
        Some(Inbox {
            id: self.id.id()?,
            address: self.address.first(),
            display_name: self.display_name.id(),
            pod_id: self.pod_id.id(),
            external_id: self.external_id.id(),
            webhook_url: self.webhook_url.id(),
            created_at: self.created_at.timestamp(),
        })
    }
}

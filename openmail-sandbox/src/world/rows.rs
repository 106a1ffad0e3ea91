use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Settings, World, clock::iso};
use crate::{
    model::{Attachment, Direction, Drift, Inbox, Key, Message, Pod, RowLag, Scope, Thread},
    storage,
};

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl World {
    fn drifts(&self, drift: Drift) -> bool {
        self.settings.drifts.contains(&drift)
    }

    /// Counts a read of these rows: those that lag are a read closer to being seen.
    pub(crate) fn count_read(&mut self, of: impl Fn(&Message) -> bool) {
        for at in self.index.lagging().collect::<Vec<_>>() {
            let Some(message) = self.messages.get_mut(at).filter(|message| of(message)) else { continue };
            match message.lag {
                Some(RowLag::Reads(reads @ 1..)) => message.lag = Some(RowLag::Reads(reads - 1)),
                Some(RowLag::UntilReleased) => {}
                Some(RowLag::Reads(0)) | None => {
                    message.lag = None;
                    self.index.set_visible(at);
                }
            }
        }
    }

    pub(crate) fn release_rows(&mut self) {
        for at in self.index.lagging().collect::<Vec<_>>() {
            if let Some(message) = self.messages.get_mut(at) {
                message.lag = None;
            }
            self.index.set_visible(at);
        }
    }

    pub(crate) fn is_anything_lagging(&self) -> bool {
        self.index.lagging().next().is_some()
    }

    /// The messages of a thread as REST sees them, oldest first.
    pub(crate) fn visible_messages(&self, thread_id: &str) -> Vec<&Message> {
        self.thread_messages(thread_id).filter(|message| is_visible(message)).collect()
    }

    pub(crate) fn message_row(&self, message: &Message) -> Value {
        let cc = match message.cc.is_empty() {
            true if self.drifts(Drift::CcNull) => Value::Null,
            _ if self.drifts(Drift::CcText) => json!(message.cc.join(", ")),
            _ => json!(message.cc),
        };
        let attachments = message.attachments.iter().enumerate();
        let attachments: Vec<_> =
            attachments.map(|(at, file)| self.attachment_row(message, at, file)).collect();
        let mut row = json!({
            "id": message.id,
            "inboxId": message.inbox_id,
            "threadId": message.thread_id,
            "direction": message.direction.as_str(),
            "fromAddr": message.from,
            "toAddr": message.to,
            "headerTo": message.header_to,
            "deliveryRole": message.delivery_role.map(|role| role.as_str()),
            "cc": cc,
            "subject": message.subject.clone().unwrap_or_default(),
            "bodyText": message.text,
            "attachments": attachments,
            "status": match message.direction {
                Direction::Inbound => "received",
                Direction::Outbound if self.has_bounced(&message.id) => "failed",
                Direction::Outbound => "sent",
            },
            "category": message.class.category,
            "autoReplyable": message.class.auto_replyable,
            "verdict": message.class.verdict,
            "createdAt": iso(message.created_at),
        });
        // The contract has no null here.
        if let Some(html) = &message.html {
            row["bodyHtml"] = json!(html);
        }
        row
    }

    fn attachment_row(&self, message: &Message, at: usize, file: &Attachment) -> Value {
        attachment_row(file, &storage::signed_url(&self.settings, self.now(), &message.id, at))
    }

    pub(crate) fn thread_row(&self, thread: &Thread) -> Value {
        let mut row = json!({
            "id": thread.id,
            "inboxId": thread.inbox_id,
            "subject": thread.subject,
            "lastMessageAt": iso(thread.last_message_at),
            "createdAt": iso(thread.created_at),
            "messageCount": self.visible_messages(&thread.id).len(),
        });
        row[self.is_read_field()] = json!(thread.is_read);
        row
    }

    pub(crate) fn thread_page(&self, thread: &Thread) -> Value {
        let messages = self.visible_messages(&thread.id);
        let messages: Vec<_> = messages.into_iter().map(|message| self.message_row(message)).collect();
        let mut page = json!({"threadId": thread.id, "subject": thread.subject});
        page[self.is_read_field()] = json!(thread.is_read);
        page[self.list_field("messages")] = json!(messages);
        page
    }

    pub(crate) fn list_field<'a>(&self, resource: &'a str) -> &'a str {
        if self.drifts(Drift::NamedLists) { resource } else { "data" }
    }

    fn is_read_field(&self) -> &'static str {
        if self.drifts(Drift::SnakeIsRead) { "is_read" } else { "isRead" }
    }
}

pub(crate) fn is_visible(message: &Message) -> bool {
    message.lag.is_none()
}

/// An inbox without its secret, which is shown only when it is made.
pub(crate) fn inbox_row(inbox: &Inbox) -> Value {
    let mut row = json!({
        "id": inbox.id,
        "podId": inbox.pod_id,
        "address": inbox.address,
        "displayName": inbox.display_name,
        "webhookUrl": inbox.webhook_url,
        "createdAt": iso(inbox.created_at),
    });
    if let Some(external_id) = &inbox.external_id {
        row["externalId"] = json!(external_id);
    }
    row
}

pub(crate) fn pod_row(pod: &Pod) -> Value {
    json!({
        "id": pod.id,
        "clientId": pod.client_id,
        "name": pod.name,
        "isDefault": pod.is_default,
        "createdAt": iso(pod.created_at),
    })
}

/// A key without its token, which is shown only when it is made.
pub(crate) fn key_row(key: &Key, pod_of_inbox: Option<&str>) -> Value {
    let (pod_id, inbox_id) = match &key.scope {
        Scope::Account => (None, None),
        Scope::Pod(pod) => (Some(pod.as_str()), None),
        Scope::Inbox(inbox) => (pod_of_inbox, Some(inbox.as_str())),
    };
    let prefix: String = key.token.chars().take(6).collect();
    let last: String = key.token.chars().skip(key.token.chars().count().saturating_sub(4)).collect();
    json!({
        "id": key.id,
        "name": key.name,
        "podId": pod_id,
        "inboxId": inbox_id,
        "tokenPrefix": prefix,
        "last4": last,
        "createdAt": iso(key.created_at),
        "lastUsedAt": key.last_used_at.map(iso),
    })
}

/// An attachment as events have it: behind an address that wants the key.
pub(crate) fn event_attachment(settings: &Settings, message: &Message, file: &Attachment) -> Value {
    attachment_row(file, &attachment_url(settings, &message.id, &file.filename))
}

/// In camelCase wherever it stands, with its text where there is some.
fn attachment_row(file: &Attachment, url: &str) -> Value {
    let mut row = json!({
        "filename": file.filename,
        "contentType": file.content_type,
        "sizeBytes": file.bytes.len(),
        "url": url,
        "extractionMethod": file.extraction_method(),
    });
    if let Some(text) = file.parsed_text() {
        row["parsedText"] = json!(text);
    }
    row
}

fn attachment_url(settings: &Settings, message_id: &str, filename: &str) -> String {
    let message_id = utf8_percent_encode(message_id, SEGMENT);
    let filename = utf8_percent_encode(filename, SEGMENT);
    format!("{}/v1/attachments/{message_id}/{filename}", settings.base_url)
}

//! What the service says of a mail, read tolerantly, as it stands in a recording.

use std::time::Duration;

use serde_json::Value;

use super::{RecordedFile, RecordedMail};
use crate::world::bare;

/// An inbox of the account that is recorded.
#[derive(Debug)]
pub(super) struct OwnInbox {
    id: String,
    pub(super) address: String,
}

/// The inboxes that `GET /v1/inboxes` lists.
pub(super) fn own_inboxes(answer: &Value) -> Vec<OwnInbox> {
    let rows = list(answer, "inboxes");
    let inbox = |row: &Value| Some(OwnInbox { id: text(row, &["id"])?, address: text(row, &["address"])? });
    rows.iter().filter_map(inbox).collect()
}

/// The mail that an event tells of, by its message's id. The row knows more, and knows better.
pub(super) fn mail(
    event: &Value,
    thread: Option<&Value>,
    inboxes: &[OwnInbox],
    after: Duration,
) -> Option<(String, RecordedMail)> {
    if text(event, &["event"]).as_deref() != Some("message.received") {
        return None;
    }
    let told = event.get("message")?;
    let id = text(told, &["id"])?;
    let rows = thread.map(|answer| list(answer, "messages")).unwrap_or_default();
    let row = rows.iter().find(|row| text(row, &["id"]).as_deref() == Some(&id)).unwrap_or(&Value::Null);
    let of = |row_names: &[&str], names: &[&str]| text(row, row_names).or_else(|| text(told, names));

    let inbox_id = text(event, &["inbox_id"]);
    let known = inboxes.iter().find(|inbox| Some(&inbox.id) == inbox_id.as_ref());
    let inbox = known.map(|inbox| inbox.address.clone()).or_else(|| of(&["toAddr"], &["to"])).or(inbox_id)?;
    let inbox = bare(&inbox);
    let mut to = addresses(row, &["headerTo", "header_to"]);
    let mut cc = addresses(row, &["cc"]);
    if cc.is_empty() {
        cc = addresses(told, &["cc"]);
    }
    let is_copied = text(row, &["deliveryRole", "delivery_role"]).as_deref() == Some("cc");
    let names_inbox = |list: &[String]| list.iter().any(|address| bare(address) == inbox);
    // Without the header, and for a copy that no header tells of, the roles still stand.
    if to.is_empty() && !is_copied {
        to.push(inbox.clone());
    }
    if is_copied && !names_inbox(&cc) {
        cc.push(inbox.clone());
    }
    let files = list(told, "attachments").iter().chain(list(row, "attachments"));
    let class =
        |name: &str, camel: &str| row.get(camel).or_else(|| told.get(name)).or_else(|| told.get(camel));
    let mail = RecordedMail {
        after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        external_id: text(event, &["external_id"]),
        thread: text(event, &["thread_id"])
            .or_else(|| text(row, &["threadId"]))
            .unwrap_or_else(|| id.clone()),
        from: of(&["fromAddr", "from"], &["from"]).unwrap_or_default(),
        to,
        cc,
        subject: of(&["subject"], &["subject"]),
        text: of(&["bodyText", "body_text"], &["body_text"]).unwrap_or_default(),
        html: of(&["bodyHtml", "body_html"], &["body_html"]),
        attachments: recorded_files(files),
        category: of(&["category"], &["category"]),
        auto_replyable: class("auto_replyable", "autoReplyable").and_then(Value::as_bool),
        verdict: of(&["verdict"], &["verdict"]),
        spam_score: class("spam_score", "spamScore").and_then(Value::as_f64),
        inbox,
    };
    Some((id, mail))
}

/// The files, each once: events have their text, rows may have ones that the event had not.
fn recorded_files<'a>(files: impl Iterator<Item = &'a Value>) -> Vec<RecordedFile> {
    let mut recorded: Vec<RecordedFile> = Vec::new();
    for file in files {
        let filename = text(file, &["filename"]).unwrap_or_default();
        if recorded.iter().any(|known| known.filename == filename) {
            continue;
        }
        recorded.push(RecordedFile {
            filename,
            content_type: text(file, &["contentType", "content_type"])
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            size: ["sizeBytes", "size_bytes"]
                .iter()
                .find_map(|name| file.get(name)?.as_u64())
                .unwrap_or_default(),
            text: text(file, &["parsedText", "parsed_text"]),
        });
    }
    recorded
}

/// The rows of a list, under `data` or the resource's own name.
fn list<'a>(answer: &'a Value, resource: &str) -> &'a [Value] {
    let rows = answer.get("data").or_else(|| answer.get(resource)).unwrap_or(answer);
    rows.as_array().map_or(&[], Vec::as_slice)
}

fn text(row: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| row.get(name)?.as_str().map(str::to_owned))
}

/// Addresses, in a list or in a text with commas.
fn addresses(row: &Value, names: &[&str]) -> Vec<String> {
    match names.iter().find_map(|name| row.get(name)) {
        Some(Value::Array(list)) => list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(Value::String(text)) => match mailparse::addrparse(text) {
            Ok(list) => list
                .into_inner()
                .into_iter()
                .flat_map(|entry| match entry {
                    mailparse::MailAddr::Single(one) => vec![one],
                    mailparse::MailAddr::Group(group) => group.addrs,
                })
                .map(|one| one.to_string())
                .collect(),
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

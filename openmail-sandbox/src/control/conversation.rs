use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{mail::relay_attempt_row, overview};
use crate::{
    extraction, html,
    model::{Attachment, Direction, Message},
    rest::{Answer, ok},
    shared::Shared,
    world::{Refusal, World, is_visible, iso},
};

/// Scripts, forms, fetches and remote pictures of a mail are dead, whoever frames it.
const MAIL_POLICY: &str = "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";
const FOUND_AT_MOST: usize = 50;
/// Of the pictures of one mail, together.
const EMBEDDED_AT_MOST: usize = 8 * 1024 * 1024;
const FILE_POLICY: &str = "sandbox; default-src 'none'";

/// How much of a thread is wanted.
#[derive(Deserialize)]
pub(crate) struct Latest {
    latest: Option<usize>,
}

/// A thread with its latest messages, lagging rows included.
pub(crate) async fn thread(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(Latest { latest }): Query<Latest>,
) -> Answer {
    shared.read(|world| {
        let thread = world.thread(&id).ok_or_else(|| Refusal::not_found("Thread"))?;
        let earlier = latest.map_or(0, |latest| world.thread_messages(&id).count().saturating_sub(latest));
        let messages = world.thread_messages(&id).skip(earlier).map(|message| message_row(world, message));
        ok(&json!({
            "row": overview::thread_row(world, thread),
            "earlier": earlier,
            "id": thread.id,
            "inbox_id": thread.inbox_id,
            "subject": thread.subject,
            "is_read": thread.is_read,
            "messages": messages.collect::<Vec<_>>(),
        }))
    })
}

/// What is looked for.
#[derive(Deserialize)]
pub(crate) struct Search {
    q: String,
}

/// The latest threads with these words in subject, correspondent or text.
pub(crate) async fn search(State(shared): State<Arc<Shared>>, Query(Search { q }): Query<Search>) -> Answer {
    let words: Vec<_> = q.split_whitespace().map(str::to_lowercase).collect();
    shared.read(|world| {
        let found = world.recent_threads().filter(|thread| {
            let has = |text: &str, word: &str| text.to_lowercase().contains(word);
            words.iter().all(|word| {
                has(&thread.subject, word)
                    || world
                        .thread_messages(&thread.id)
                        .any(|one| has(&one.from, word) || has(&one.to, word) || has(&one.text, word))
            })
        });
        let found: Vec<_> =
            found.take(FOUND_AT_MOST).map(|thread| overview::thread_row(world, thread)).collect();
        ok(&json!({"threads": found}))
    })
}

/// The HTML of a mail, sanitised, for a sandboxed frame.
pub(crate) async fn html(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let mail = shared.read(|world| {
        let message = world.message(&id)?;
        Some((message.html.clone()?, message.attachments.clone()))
    });
    let (html, files) = mail.ok_or_else(|| Refusal::not_found("HTML"))?;
    let clean = move || html::sanitise(&html, embedded(&files));
    let clean = tokio::task::spawn_blocking(clean).await.ok().flatten();
    let shown =
        clean.unwrap_or_else(|| "<p>This HTML is too large or too deeply nested to be shown.</p>".into());
    Ok(confined("text/html; charset=utf-8", MAIL_POLICY, shown.into_response()))
}

/// The pictures that a mail's HTML can show because they came with it.
fn embedded(files: &[Attachment]) -> html::Embedded {
    let mut left = EMBEDDED_AT_MOST;
    let picture = |file: &&Attachment| {
        file.content_type.starts_with("image/") && !file.content_type.contains("svg") && {
            let fits = file.bytes.len() <= left;
            left -= if fits { file.bytes.len() } else { 0 };
            fits
        }
    };
    let named = files.iter().filter(|file| file.content_id.is_some()).filter(picture);
    let addresses = named.filter_map(|file| {
        let data = format!("data:{};base64,{}", file.content_type, BASE64.encode(&file.bytes));
        Some((file.content_id.clone()?, data))
    });
    addresses.collect()
}

/// A file of a mail, only ever as a download.
pub(crate) async fn file(State(shared): State<Arc<Shared>>, Path((id, at)): Path<(String, usize)>) -> Answer {
    let bytes = shared.read(|world| Some(world.message(&id)?.attachments.get(at)?.bytes.clone()));
    let bytes = bytes.ok_or_else(|| Refusal::not_found("File"))?;
    let response = ([(CONTENT_DISPOSITION, "attachment")], bytes).into_response();
    Ok(confined("application/octet-stream", FILE_POLICY, response))
}

/// What was read out of a file of a mail.
pub(crate) async fn file_text(
    State(shared): State<Arc<Shared>>,
    Path((id, at)): Path<(String, usize)>,
) -> Answer {
    let file = shared.read(|world| world.message(&id)?.attachments.get(at).cloned());
    let file = file.ok_or_else(|| Refusal::not_found("File"))?;
    extraction::extract_all([&file]).await;
    ok(&json!({"method": file.extraction_method(), "text": file.parsed_text()}))
}

fn confined(content_type: &'static str, policy: &'static str, response: Response) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, response).into_response()
}

fn message_row(world: &World, message: &Message) -> Value {
    let files = message.attachments.iter().map(|file| {
        json!({
            "name": file.filename,
            "content_type": file.content_type,
            "size": file.bytes.len(),
            "method": file.extraction_method(),
            "has_text": file.parsed_text().is_some(),
        })
    });
    let sent = world.sent_as(&message.id);
    json!({
        "id": message.id,
        "direction": message.direction.as_str(),
        "from": message.from,
        "to": match message.direction {
            Direction::Inbound => message.header_to.clone().unwrap_or_else(|| message.to.clone()),
            Direction::Outbound => message.to.clone(),
        },
        "cc": message.cc,
        "subject": message.subject,
        "text": message.text,
        "has_html": message.html.is_some(),
        "files": files.collect::<Vec<_>>(),
        "category": message.class.category,
        "verdict": message.class.verdict,
        "bounced": world.has_bounced(&message.id),
        "complained": world.has_complaint(&message.id),
        "lags": !is_visible(message),
        "relayed": sent.and_then(|sent| sent.relayed),
        "relay_attempts": sent.map(|sent| sent.relay_attempts.iter().map(relay_attempt_row).collect::<Vec<_>>()),
        "rfc_message_id": message.rfc_message_id,
        "at": iso(message.created_at),
    })
}

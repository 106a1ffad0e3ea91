use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::IntoResponse,
};
use data_encoding::BASE64;
use http::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use crate::{
    extraction,
    model::{Delivered, Mail, RelayAttempt, RelayOutcome, Sent},
    recording::{self, RecordedMail},
    rest::{Answer, json, no_content, ok},
    shared::Shared,
    world::{Refusal, Verdict, iso},
};

/// A mail as `POST /sandbox/mail` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Injected {
    from: String,
    to: OneOrMany,
    #[serde(default)]
    cc: Vec<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
    in_reply_to: Option<String>,
    thread_id: Option<String>,
    category: Option<String>,
    auto_replyable: Option<bool>,
    verdict: Option<String>,
    #[serde(default)]
    attachments: Vec<InjectedFile>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`to` must be an address or a list of addresses")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InjectedFile {
    filename: String,
    #[serde(default = "octets")]
    content_type: String,
    /// In base64.
    content: String,
}

pub(crate) async fn mail(State(shared): State<Arc<Shared>>, Json(injected): Json<Injected>) -> Answer {
    let mail = injected.into_mail()?;
    extraction::extract_all(&mail.attachments).await;
    let (delivered, verdict) =
        shared.change(|world| (world.receive(&mail), world.senders.verdict(&mail.from)));
    if verdict != Verdict::Accepted {
        return Ok(json(
            StatusCode::ACCEPTED,
            &json!({"delivered": [], "dropped": "a sender rule keeps it out"}),
        ));
    }
    if delivered.is_empty() {
        return Err(Refusal::new(404, "not_found", "None of the addresses is an inbox of this sandbox"));
    }
    let delivered: Vec<_> = delivered.iter().map(delivered_row).collect();
    Ok(json(StatusCode::CREATED, &json!({"delivered": delivered})))
}

/// A mail of a recording, as `POST /sandbox/recorded` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    mail: RecordedMail,
    /// The sandbox's thread that its conversation has become; none = a new one.
    thread_id: Option<String>,
}

pub(crate) async fn recorded(
    State(shared): State<Arc<Shared>>,
    Json(Recorded { mail, thread_id }): Json<Recorded>,
) -> Answer {
    let delivered = shared.change(|world| recording::deliver(world, &mail, thread_id.as_deref()))?;
    Ok(json(StatusCode::CREATED, &delivered_row(&delivered)))
}

/// A part of what was sent.
#[derive(Deserialize)]
pub(crate) struct Part {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

/// What was sent, oldest first; all of it unless `limit` and `offset` say otherwise.
pub(crate) async fn sent(State(shared): State<Arc<Shared>>, Query(part): Query<Part>) -> Answer {
    shared.read(|world| {
        let sent = world.sent.iter().skip(part.offset).take(part.limit.unwrap_or(usize::MAX));
        let sent: Vec<_> = sent.map(sent_row).collect();
        ok(&json!({"data": sent, "total": world.sent.len()}))
    })
}

/// `{message_id}.eml`: a mail that was sent, as text.
pub(crate) async fn eml(State(shared): State<Arc<Shared>>, Path(file): Path<String>) -> Answer {
    let sent = shared.read(|world| {
        let id = file.strip_suffix(".eml")?;
        world.sent_as(id).cloned()
    });
    let text = sent.and_then(|sent| sent.to_rfc5322()).ok_or_else(|| Refusal::not_found("Mail"))?;
    Ok(([(CONTENT_TYPE, "message/rfc822"), (CONTENT_DISPOSITION, "attachment")], text).into_response())
}

/// A mail comes back for good.
pub(crate) async fn bounce(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    shared.change(|world| world.bounce(&id, None))?;
    no_content()
}

/// A mail is reported as spam by whom it was for.
pub(crate) async fn complain(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    shared.change(|world| world.complain(&id))?;
    no_content()
}

impl Injected {
    fn into_mail(self) -> Result<Mail, Refusal> {
        let mut mail = Mail::from(self.from).cc(self.cc);
        mail.to = match self.to {
            OneOrMany::One(address) => vec![address],
            OneOrMany::Many(addresses) => addresses,
        };
        mail.subject = self.subject;
        mail.text = self.text;
        mail.html = self.html;
        mail.in_reply_to = self.in_reply_to;
        mail.thread_id = self.thread_id;
        mail.class.category = self.category;
        mail.class.auto_replyable = self.auto_replyable;
        mail.class.verdict = self.verdict;
        for file in self.attachments {
            let content = BASE64.decode(file.content.as_bytes());
            let content = content.map_err(|_| Refusal::bad_request("attachment content is not base64"))?;
            mail = mail.attachment(file.filename, file.content_type, content);
        }
        Ok(mail)
    }
}

fn delivered_row(one: &Delivered) -> serde_json::Value {
    json!({
        "message_id": one.message_id,
        "thread_id": one.thread_id,
        "event_id": one.event_id,
        "inbox_id": one.inbox_id,
        "rfc_message_id": one.rfc_message_id,
    })
}

pub(crate) fn relay_attempt_row(attempt: &RelayAttempt) -> serde_json::Value {
    let (outcome, status) = match attempt.outcome {
        RelayOutcome::Taken => ("taken", None),
        RelayOutcome::Deferred { status } => ("deferred", status),
        RelayOutcome::Refused { status } => ("refused", status),
    };
    json!({
        "recipients": attempt.recipients,
        "attempt": attempt.attempt,
        "at": iso(attempt.at),
        "outcome": outcome,
        "status": status,
        "next": attempt.next.map(iso),
    })
}

fn octets() -> String {
    "application/octet-stream".into()
}

fn sent_row(sent: &Sent) -> serde_json::Value {
    let attachments = sent.attachments.iter();
    let attachments: Vec<_> = attachments
        .map(|file| json!({"filename": file.filename, "content_type": file.content_type, "size_bytes": file.bytes.len()}))
        .collect();
    json!({
        "message_id": sent.message_id,
        "rfc_message_id": sent.rfc_message_id,
        "thread_id": sent.thread_id,
        "inbox_id": sent.inbox_id,
        "idempotency_key": sent.idempotency_key,
        "from": sent.from,
        "to": sent.to,
        "cc": sent.cc,
        "reply_to": sent.reply_to,
        "subject": sent.subject,
        "body": sent.body,
        "text": sent.text,
        "html": sent.html,
        "attachments": attachments,
        "in_reply_to": sent.in_reply_to,
        "references": sent.references,
        "sent_at": iso(sent.sent_at),
        "relayed": sent.relayed,
        "relay_attempts": sent.relay_attempts.iter().map(relay_attempt_row).collect::<Vec<_>>(),
    })
}

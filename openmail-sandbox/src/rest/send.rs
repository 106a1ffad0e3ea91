use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
};
use http::StatusCode;
use serde_json::json;

use super::{
    error::{Answer, json as answer},
    form::Form,
};
use crate::{
    extraction,
    model::Drift,
    shared::Shared,
    world::{Caller, Receipt, Refusal, SendRequest},
};

pub(crate) async fn send(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(inbox_id): Path<String>,
    request: Request,
) -> Answer {
    let form = Form::read(request).await?;
    // Before the world is locked: it hands files on to inboxes of its own, with their text.
    extraction::extract_all(&form.attachments).await;
    let key = form.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned);
    shared.change(|world| {
        world.inbox_for(&caller, &inbox_id)?;
        let key = key.ok_or_else(|| {
            Refusal::new(400, "missing_idempotency_key", "The Idempotency-Key header is required")
        })?;
        let (request, unknown) = parse(inbox_id, form)?;
        world.counts.unknown_fields += unknown;
        let receipt = world.send(&caller, &key, request)?;
        Ok(receipt_row(&receipt, world.settings.drifts.contains(&Drift::SendCreated)))
    })
}

fn parse(inbox_id: String, form: Form) -> Result<(SendRequest, u64), Refusal> {
    let mut fields = form.fields;
    let request = SendRequest {
        inbox_id,
        to: fields.email("to")?.ok_or_else(|| Refusal::bad_request("body/to is required"))?,
        subject: fields.text("subject", 1..=998)?,
        body: fields.required_text("body", 1..=100_000)?,
        body_html: fields.text("bodyHtml", 0..=500_000)?,
        thread_id: fields.text("threadId", 0..=usize::MAX)?,
        include_quote: fields.flag("includeQuote")?.unwrap_or(true),
        reply_to: fields.email("replyTo")?,
        cc: fields.emails("cc")?,
        attachments: form.attachments,
    };
    if request.subject.is_none() && request.thread_id.is_none() {
        return Err(Refusal::bad_request("body/subject is required without threadId"));
    }
    Ok((request, fields.unknown()))
}

fn receipt_row(receipt: &Receipt, older: bool) -> axum::response::Response {
    let (status, id_field) = if older { (StatusCode::CREATED, "id") } else { (StatusCode::OK, "messageId") };
    let mut row = json!({
        "threadId": receipt.thread_id,
        "providerMessageId": receipt.provider_message_id,
        "status": "sent",
    });
    row[id_field] = json!(receipt.message_id);
    answer(status, &row)
}

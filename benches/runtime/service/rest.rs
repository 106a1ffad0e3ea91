use std::collections::HashMap;
use std::time::Instant;

use axum::extract::Query;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::sample;

/// A mail that was sent: its conversation, and when it arrived.
pub(crate) type Sent = (String, Instant);

/// The calls the runtime makes, answered with as little as will do.
pub(super) fn router(inboxes: usize, sent: mpsc::UnboundedSender<Sent>) -> Router {
    let send = move |body: Bytes| async move {
        let at = Instant::now();
        let draft: Draft = serde_json::from_slice(&body).expect("a reply in a thread");
        let answer = json!({ "messageId": draft.thread_id, "threadId": draft.thread_id, "status": "sent" });
        // Nobody may be interested.
        let _ = sent.send((draft.thread_id, at));
        Json(answer)
    };
    Router::new()
        .route("/v1/inboxes", get(move |Query(page)| async move { Json(page_of_inboxes(inboxes, &page)) }))
        .route("/v1/inboxes/{id}/messages", get(async || Json(json!({ "data": [], "total": 0 }))))
        .route("/v1/inboxes/{id}/threads", get(async || Json(json!({ "data": [], "total": 0 }))))
        .route("/v1/inboxes/{id}/send", post(send))
        .route("/v1/threads/{id}", patch(async || Json(json!({}))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draft {
    thread_id: String,
}

fn page_of_inboxes(inboxes: usize, page: &HashMap<String, usize>) -> Value {
    let first = page.get("offset").copied().unwrap_or(0);
    let last = inboxes.min(first + page.get("limit").copied().unwrap_or(50));
    let rows: Vec<_> = (first..last).map(inbox).collect();
    json!({ "data": rows, "total": inboxes })
}

fn inbox(number: usize) -> Value {
    let id = sample::inbox_id(number);
    json!({
        "id": id, "address": format!("{id}@acme.openmail.sh"), "displayName": "Acme support", "podId": "pod_acme",
        "externalId": format!("user_{id}"), "webhookUrl": null, "createdAt": "2026-02-24T10:05:00.000Z",
    })
}

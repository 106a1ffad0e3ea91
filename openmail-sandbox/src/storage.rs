//! The other host, to which attachments are redirected.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{model::Attachment, shared::Shared, signature, world::Settings};

const LIFE: Duration = Duration::from_secs(15 * 60);

/// An address that gives the attachment to whoever has it, for 15 minutes.
pub(crate) fn signed_url(settings: &Settings, now: Timestamp, message_id: &str, at: usize) -> String {
    let expires = now.as_second() + LIFE.as_secs() as i64;
    let signature = signature::keyed_hash(&settings.storage_secret, &signed(message_id, at, expires));
    format!("{}/{message_id}/{at}?expires={expires}&signature={signature}", settings.storage_url)
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/{message_id}/{at}", get(fetch)).with_state(shared)
}

pub(crate) fn content(file: &Attachment) -> Response {
    ([(CONTENT_TYPE, file.content_type.clone())], Body::from(file.bytes.clone())).into_response()
}

#[derive(Deserialize)]
struct Permit {
    expires: i64,
    signature: String,
}

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Path((message_id, at)): Path<(String, usize)>,
    Query(permit): Query<Permit>,
    headers: HeaderMap,
) -> Response {
    shared.change(|world| {
        world.counts.storage_requests += 1;
        world.counts.storage_requests_with_key += u64::from(headers.contains_key(AUTHORIZATION));
        let message = signed(&message_id, at, permit.expires);
        let genuine = signature::is_signed(&world.settings.storage_secret, &message, &permit.signature);
        if !genuine || world.now().as_second() > permit.expires {
            return StatusCode::FORBIDDEN.into_response();
        }
        let file = world.message(&message_id).and_then(|message| message.attachments.get(at));
        file.map(content).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
    })
}

fn signed(message_id: &str, at: usize, expires: i64) -> Vec<u8> {
    format!("{message_id}/{at}/{expires}").into_bytes()
}

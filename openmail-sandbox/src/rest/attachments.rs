use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    response::IntoResponse,
};
use http::{StatusCode, header::LOCATION};
use serde_json::json;

use super::error::{Answer, ok};
use crate::{
    extraction,
    model::{Attachment, Drift},
    shared::Shared,
    storage,
    world::{Caller, Refusal, World, is_visible},
};

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((message_id, filename)): Path<(String, String)>,
) -> Answer {
    shared.read(|world| {
        let (at, file) = find(world, &caller, &message_id, &filename)?;
        if world.settings.drifts.contains(&Drift::AttachmentInline) {
            return Ok(storage::content(file));
        }
        let url = storage::signed_url(&world.settings, world.now(), &message_id, at);
        Ok((StatusCode::FOUND, [(LOCATION, url)]).into_response())
    })
}

pub(crate) async fn text(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((message_id, filename)): Path<(String, String)>,
) -> Answer {
    let file =
        shared.read(|world| find(world, &caller, &message_id, &filename).map(|(_, file)| file.clone()))?;
    extraction::extract_all([&file]).await;
    let text = file.parsed_text().ok_or_else(|| {
        Refusal::new(422, "extraction_failed", "Text could not be extracted from the attachment")
    })?;
    ok(&json!({
        "filename": file.filename,
        "contentType": file.content_type,
        "extractionMethod": file.extraction_method(),
        "text": text,
    }))
}

fn find<'a>(
    world: &'a World,
    caller: &Caller,
    message_id: &str,
    filename: &str,
) -> Result<(usize, &'a Attachment), Refusal> {
    let message = world
        .message(message_id)
        .filter(|message| is_visible(message) && world.inbox_for(caller, &message.inbox_id).is_ok());
    let mut files = message.into_iter().flat_map(|message| message.attachments.iter().enumerate());
    files.find(|(_, file)| file.filename == filename).ok_or_else(|| Refusal::not_found("Attachment"))
}

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::{
    error::{Answer, ok},
    fields::Fields,
    page::{Page, Params},
};
use crate::{
    shared::Shared,
    world::{Caller, Refusal},
};

/// Those with the newest message first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(inbox_id): Path<String>,
    params: Params,
) -> Answer {
    let page = Page::of(&params)?;
    let is_read = match params.get("is_read").map(String::as_str) {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Refusal::bad_request("querystring/is_read must be true or false")),
    };
    shared.change(|world| {
        world.inbox_for(&caller, &inbox_id)?;
        world.count_read(|message| message.inbox_id == inbox_id);
        let lags = world.is_anything_lagging();
        let threads = world.threads_in(&inbox_id).filter(|thread| {
            is_read.is_none_or(|is_read| thread.is_read == is_read)
                && !(lags && world.visible_messages(&thread.id).is_empty())
        });
        let threads: Vec<_> = threads.collect();
        Ok(page.answer(world, "threads", threads.len(), threads, |thread| world.thread_row(thread)))
    })
}

/// Oldest first.
pub(crate) async fn messages(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    shared.change(|world| {
        world.count_read(|message| message.thread_id == id);
        let thread = world.thread_for(&caller, &id)?;
        if world.visible_messages(&id).is_empty() {
            return Err(Refusal::not_found("Thread"));
        }
        ok(&world.thread_page(thread))
    })
}

pub(crate) async fn update(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut fields = Fields::parse(&headers, &body)?;
    let is_read = fields.flag("is_read")?;
    let is_read = is_read.ok_or_else(|| Refusal::bad_request("body/is_read is required"))?;
    shared.change(|world| {
        world.counts.unknown_fields += fields.unknown();
        world.thread_for(&caller, &id)?;
        world.set_read(&id, is_read);
        ok(&json!({"ok": true}))
    })
}

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    error::{Answer, json, no_content, ok},
    fields::Fields,
    page::{Page, Params},
};
use crate::{
    shared::Shared,
    world::{Caller, pod_row},
};

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.require_account("manage pods")?;
    let mut fields = Fields::parse(&headers, &body)?;
    let client_id = fields.nullable_text("clientId", 255)?.flatten();
    let name = fields.nullable_text("name", 255)?.flatten();
    fields.refuse_unknown()?;
    let pod = shared.change(|world| world.create_pod(client_id, name))?;
    Ok(json(StatusCode::CREATED, &pod_row(&pod)))
}

/// The default pod comes first, as the contract promises: it was made first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Answer {
    caller.refuse_inbox_key("list pods")?;
    let page = Page::of(&params)?;
    shared.read(|world| {
        let pods: Vec<_> = world.pods.iter().filter(|pod| caller.reaches_pod(&pod.id)).collect();
        Ok(page.answer(world, "pods", pods.len(), pods, pod_row))
    })
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    shared.read(|world| ok(&pod_row(world.pod_for(&caller, &id)?)))
}

pub(crate) async fn update(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.require_account("modify pods")?;
    let mut fields = Fields::parse(&headers, &body)?;
    let client_id = fields.nullable_text("clientId", 255)?;
    let name = fields.nullable_text("name", 255)?;
    fields.refuse_unknown()?;
    ok(&pod_row(&shared.change(|world| world.update_pod(&id, client_id, name))?))
}

pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    caller.require_account("delete pods")?;
    shared.change(|world| world.delete_pod(&id))?;
    no_content()
}

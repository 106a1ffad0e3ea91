use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    error::{Answer, json as answer, no_content, ok},
    fields::Fields,
};
use crate::{
    model::Scope,
    shared::Shared,
    world::{Caller, Refusal, World, key_row},
};

/// The most active keys that a pod or an inbox can have.
const MOST: usize = 20;

type Found = fn(&World, &Caller, &str) -> Result<Scope, Refusal>;

pub(crate) async fn create_for_pod(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    create(&shared, &caller, &id, pod_scope, &headers, &body)
}

pub(crate) async fn create_for_inbox(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    create(&shared, &caller, &id, inbox_scope, &headers, &body)
}

pub(crate) async fn list_for_pod(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    list(&shared, &caller, &id, pod_scope)
}

pub(crate) async fn list_for_inbox(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    list(&shared, &caller, &id, inbox_scope)
}

pub(crate) async fn revoke_for_pod(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((id, key_id)): Path<(String, String)>,
) -> Answer {
    revoke(&shared, &caller, &id, pod_scope, &key_id)
}

pub(crate) async fn revoke_for_inbox(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((id, key_id)): Path<(String, String)>,
) -> Answer {
    revoke(&shared, &caller, &id, inbox_scope, &key_id)
}

fn create(
    shared: &Shared,
    caller: &Caller,
    id: &str,
    find: Found,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    caller.require_account("mint keys")?;
    let mut fields = Fields::parse(headers, body)?;
    let name = fields.nullable_text("name", 255)?.flatten();
    fields.refuse_unknown()?;
    shared.change(|world| {
        let scope = find(world, caller, id)?;
        if world.keys.iter().filter(|key| key.scope == scope).count() >= MOST {
            return Err(Refusal::new(422, "api_key_limit_reached", "Too many active keys"));
        }
        let key = world.create_key(scope, name);
        let mut row = key_row(&key, pod_of(world, &key.scope));
        row["token"] = json!(key.token);
        Ok(answer(StatusCode::CREATED, &row))
    })
}

fn list(shared: &Shared, caller: &Caller, id: &str, find: Found) -> Answer {
    caller.require_account("manage keys")?;
    shared.read(|world| {
        let scope = find(world, caller, id)?;
        let keys = world.keys.iter().filter(|key| key.scope == scope);
        let rows: Vec<_> = keys.map(|key| key_row(key, pod_of(world, &scope))).collect();
        let mut body = json!({});
        body[world.list_field("apiKeys")] = json!(rows);
        ok(&body)
    })
}

fn revoke(shared: &Shared, caller: &Caller, id: &str, find: Found, key_id: &str) -> Answer {
    caller.require_account("manage keys")?;
    shared.change(|world| {
        let scope = find(world, caller, id)?;
        if !world.keys.iter().any(|key| key.id == key_id && key.scope == scope) {
            return Err(Refusal::not_found("Key"));
        }
        world.revoke_key(key_id);
        no_content()
    })
}

fn pod_scope(world: &World, caller: &Caller, id: &str) -> Result<Scope, Refusal> {
    world.pod_for(caller, id).map(|pod| Scope::Pod(pod.id.clone()))
}

fn inbox_scope(world: &World, caller: &Caller, id: &str) -> Result<Scope, Refusal> {
    world.inbox_for(caller, id).map(|inbox| Scope::Inbox(inbox.id.clone()))
}

fn pod_of<'a>(world: &'a World, scope: &Scope) -> Option<&'a str> {
    match scope {
        Scope::Inbox(inbox) => world.inbox(inbox).map(|inbox| inbox.pod_id.as_str()),
        _ => None,
    }
}

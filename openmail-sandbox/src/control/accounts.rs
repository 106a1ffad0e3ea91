use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use crate::{
    model::{NewInbox, Scope},
    rest::{Answer, json, no_content, ok},
    shared::Shared,
    world::Refusal,
};

/// An inbox by the name before its @, or by its whole address, which may be at any domain and be there already.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "an inbox needs either a `name`, or an `address` and perhaps an `external_id`"
)]
pub(crate) enum Named {
    Name { name: String },
    Address { address: String, external_id: Option<String> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Because {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reach {
    /// None = the whole account.
    inbox_id: Option<String>,
}

pub(crate) async fn create_inbox(State(shared): State<Arc<Shared>>, Json(named): Json<Named>) -> Answer {
    let inbox = shared.change(|world| match &named {
        Named::Name { name } => world.create_inbox(NewInbox::named(name)),
        Named::Address { address, external_id } => world.ensure_inbox(address, external_id.as_deref()),
    })?;
    Ok(json(StatusCode::CREATED, &json!({"id": inbox.id, "address": inbox.address})))
}

pub(crate) async fn suspend(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(because): Json<Because>,
) -> Answer {
    set_suspension(&shared, &id, Some(&because.reason))
}

pub(crate) async fn reactivate(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    set_suspension(&shared, &id, None)
}

pub(crate) async fn create_key(State(shared): State<Arc<Shared>>, Json(reach): Json<Reach>) -> Answer {
    let key = shared.change(|world| {
        let scope = match reach.inbox_id {
            None => Scope::Account,
            Some(id) if world.inbox(&id).is_some() => Scope::Inbox(id),
            Some(_) => return Err(Refusal::not_found("Inbox")),
        };
        Ok(world.create_key(scope, None))
    })?;
    Ok(json(StatusCode::CREATED, &json!({"id": key.id, "token": key.token})))
}

pub(crate) async fn revoke_key(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    if shared.change(|world| world.revoke_key(&id)) { no_content() } else { Err(Refusal::not_found("Key")) }
}

fn set_suspension(shared: &Shared, id: &str, reason: Option<&str>) -> Answer {
    let event = shared.change(|world| world.set_inbox_suspension(id, reason));
    let event_id = event.ok_or_else(|| Refusal::not_found("Inbox"))?;
    ok(&json!({"event_id": event_id}))
}

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{
    error::{Answer, json, no_content, ok},
    fields::Fields,
    page::{Page, Params},
};
use crate::{
    model::{Drift, Inbox, NewInbox, Scope},
    shared::Shared,
    world::{Caller, Refusal, World, inbox_row},
};

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.refuse_inbox_key("create inboxes")?;
    let fields = Fields::parse(&headers, &body)?;
    let inbox = shared.change(|world| {
        let older = world.settings.drifts.contains(&Drift::OlderInboxes);
        let new = confine(world, &caller, new_inbox(fields, older)?)?;
        if world.standing.paused {
            return Err(Refusal::new(402, "spend_cap_paused", "Inbox creation is paused"));
        }
        world.create_counted_inbox(new)
    })?;
    let mut row = inbox_row(&inbox);
    if let Some(secret) = &inbox.webhook_secret {
        row["webhookSecret"] = json!(secret);
    }
    Ok(json(StatusCode::CREATED, &row))
}

pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Answer {
    let page = Page::of(&params)?;
    shared.read(|world| {
        let pod = params.get("podId").map(|pod| world.pod(pod).map(|pod| pod.id.as_str()));
        let in_pod = |inbox: &Inbox| pod.is_none_or(|pod| pod == Some(inbox.pod_id.as_str()));
        let inboxes = world.inboxes.iter().filter(|inbox| caller.reaches(inbox) && in_pod(inbox));
        let inboxes: Vec<_> = inboxes.collect();
        Ok(page.answer(world, "inboxes", inboxes.len(), inboxes, inbox_row))
    })
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    shared.read(|world| ok(&inbox_row(world.inbox_for(&caller, &id)?)))
}

pub(crate) async fn update(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.refuse_inbox_key("modify an inbox")?;
    let mut fields = Fields::parse(&headers, &body)?;
    let display_name = fields.nullable_text("displayName", 200)?;
    let webhook_url = fields.nullable_text("webhookUrl", usize::MAX)?;
    fields.refuse_unknown()?;
    if webhook_url.is_some() {
        caller.require_account("change an inbox's webhook")?;
    }
    shared.change(|world| {
        world.inbox_for(&caller, &id)?;
        let secret = match webhook_url {
            Some(url) => world.set_inbox_webhook(&id, url)?,
            None => None,
        };
        let inbox = world.inbox_mut(&id).ok_or_else(|| Refusal::not_found("Inbox"))?;
        if let Some(name) = display_name {
            inbox.display_name = name;
        }
        let mut row = inbox_row(inbox);
        if let Some(secret) = secret {
            row["webhookSecret"] = json!(secret);
        }
        ok(&row)
    })
}

pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    caller.require_account("delete an inbox")?;
    shared.change(|world| {
        world.inbox_for(&caller, &id)?;
        world.delete_inbox(&id);
        no_content()
    })
}

fn new_inbox(mut fields: Fields, older: bool) -> Result<NewInbox, Refusal> {
    let mut new = NewInbox {
        name: fields.text("mailboxName", 3..=30)?,
        display_name: fields.text("displayName", 0..=200)?,
        domain: fields.text("domain", 0..=253)?,
        webhook_url: fields.text("webhookUrl", 0..=usize::MAX)?,
        pod: fields.text("podId", 0..=255)?,
        external_id: None,
    };
    if older {
        new.name = fields.text("username", 3..=30)?.or(new.name);
        new.external_id = fields.text("externalId", 0..=255)?;
    }
    fields.refuse_unknown()?;
    Ok(new)
}

/// A pod's key makes inboxes in its own pod, named or not.
fn confine(world: &World, caller: &Caller, new: NewInbox) -> Result<NewInbox, Refusal> {
    let Scope::Pod(own) = &caller.scope else { return Ok(new) };
    let named = new.pod.as_deref().map(|pod| world.pod(pod).map(|pod| pod.id.as_str()));
    if named.is_none_or(|pod| pod == Some(own)) {
        Ok(new.pod(own))
    } else {
        Err(Refusal::new(400, "invalid_pod", "podId does not match a pod this key reaches"))
    }
}

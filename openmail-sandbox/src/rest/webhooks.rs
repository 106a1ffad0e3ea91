use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::json;

use super::error::{Answer, ok};
use crate::{
    shared::Shared,
    webhook,
    world::{Caller, Refusal, no_webhook_url},
};

pub(crate) async fn rotate_secret(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    caller.require_account("rotate webhook secrets")?;
    let secret = shared.change(|world| {
        world.inbox_for(&caller, &id)?;
        world.rotate_inbox_secret(&id)
    })?;
    ok(&json!({"webhookSecret": secret}))
}

pub(crate) async fn test(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    caller.refuse_inbox_key("test webhooks")?;
    let attempt = shared.read(|world| {
        let inbox = world.inbox_for(&caller, &id)?;
        world.test_attempt(inbox).ok_or_else(no_webhook_url)
    })?;
    let outcome = webhook::post(&shared, &attempt).await;
    if outcome.is_delivered() {
        ok(&json!({"ok": true, "message": "Test webhook sent successfully"}))
    } else {
        Err(Refusal::new(502, "webhook_failed", "The webhook endpoint did not take the test event"))
    }
}

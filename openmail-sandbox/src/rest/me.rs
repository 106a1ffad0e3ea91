use std::sync::Arc;

use axum::{Extension, extract::State};
use serde_json::json;

use super::error::{Answer, ok};
use crate::{model::Scope, shared::Shared, world::Caller};

pub(crate) async fn show(State(shared): State<Arc<Shared>>, Extension(caller): Extension<Caller>) -> Answer {
    shared.read(|world| {
        let scope = match &caller.scope {
            Scope::Account => json!("account"),
            Scope::Pod(pod) => json!({"podId": pod, "inboxId": null}),
            Scope::Inbox(inbox) => {
                let pod = world.inbox(inbox).map(|inbox| &inbox.pod_id);
                json!({"podId": pod, "inboxId": inbox})
            }
        };
        ok(&json!({
            "customerId": world.customer_id,
            "plan": world.settings.plan,
            "apiKeyScope": scope,
        }))
    })
}

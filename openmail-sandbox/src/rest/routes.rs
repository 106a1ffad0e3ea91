use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    response::Response,
    routing::{MethodRouter, delete, get, patch, post},
};

use super::{
    api_keys, attachments, error,
    gate::{self, Gate},
    inboxes, me, messages, pods, send, threads, webhooks,
};
use crate::{model::Operation, shared::Shared, socket, world::Refusal};

/// Above what the attachments of one mail may have together, so that it is the contract that refuses.
pub(crate) const BODY_AT_MOST: usize = 32 * 1024 * 1024;

type Routes = MethodRouter<Arc<Shared>>;

/// Everything under `/v1`.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let on = |operation, routes: Routes| {
        let gate = Gate { shared: shared.clone(), operation };
        routes.layer(from_fn_with_state(gate, gate::pass))
    };
    use Operation::*;
    Router::new()
        .route("/v1/me", on(GetMe, get(me::show)))
        .route("/v1/ws", on(OpenSocket, get(socket::upgrade)))
        .route("/v1/pods", on(CreatePod, post(pods::create)).merge(on(ListPods, get(pods::list))))
        .route(
            "/v1/pods/{id}",
            on(GetPod, get(pods::get))
                .merge(on(UpdatePod, patch(pods::update)))
                .merge(on(DeletePod, delete(pods::delete))),
        )
        .route(
            "/v1/pods/{id}/api-keys",
            on(CreatePodApiKey, post(api_keys::create_for_pod))
                .merge(on(ListPodApiKeys, get(api_keys::list_for_pod))),
        )
        .route("/v1/pods/{id}/api-keys/{key_id}", on(DeletePodApiKey, delete(api_keys::revoke_for_pod)))
        .route(
            "/v1/inboxes",
            on(CreateInbox, post(inboxes::create)).merge(on(ListInboxes, get(inboxes::list))),
        )
        .route(
            "/v1/inboxes/{id}",
            on(GetInbox, get(inboxes::get))
                .merge(on(UpdateInbox, patch(inboxes::update)))
                .merge(on(DeleteInbox, delete(inboxes::delete))),
        )
        .route(
            "/v1/inboxes/{id}/webhook/rotate-secret",
            on(RotateInboxWebhookSecret, post(webhooks::rotate_secret)),
        )
        .route("/v1/inboxes/{id}/webhook/test", on(TestInboxWebhook, post(webhooks::test)))
        .route(
            "/v1/inboxes/{id}/api-keys",
            on(CreateInboxApiKey, post(api_keys::create_for_inbox))
                .merge(on(ListInboxApiKeys, get(api_keys::list_for_inbox))),
        )
        .route(
            "/v1/inboxes/{id}/api-keys/{key_id}",
            on(DeleteInboxApiKey, delete(api_keys::revoke_for_inbox)),
        )
        .route("/v1/inboxes/{id}/send", on(SendEmail, post(send::send)))
        .route("/v1/inboxes/{id}/messages", on(ListMessages, get(messages::list)))
        .route("/v1/inboxes/{id}/threads", on(ListThreads, get(threads::list)))
        .route("/v1/threads/{id}", on(UpdateThread, patch(threads::update)))
        .route("/v1/threads/{id}/messages", on(GetThreadMessages, get(threads::messages)))
        .route("/v1/attachments/{message_id}/{filename}", on(GetAttachment, get(attachments::get)))
        .route("/v1/attachments/{message_id}/{filename}/text", on(GetAttachmentText, get(attachments::text)))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_path)
        .layer(DefaultBodyLimit::max(BODY_AT_MOST))
        .with_state(shared)
}

async fn unknown_path() -> Response {
    error::refuse(&Refusal::new(404, "not_found", "Route not found"), "error")
}

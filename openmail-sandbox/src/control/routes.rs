use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};

use super::{accounts, clock, conversation, faults, mail, overview, senders, stream};
use crate::{page, rest, shared::Shared};

/// Everything under `/sandbox`, and the page.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/sandbox/mail", post(mail::mail))
        .route("/sandbox/recorded", post(mail::recorded))
        .route("/sandbox/sent", get(mail::sent))
        .route("/sandbox/mail/{file}", get(mail::eml))
        .route("/sandbox/mail/{id}/bounce", post(mail::bounce))
        .route("/sandbox/mail/{id}/complain", post(mail::complain))
        .route("/sandbox/overview", get(overview::now))
        .route("/sandbox/stream", get(stream::open))
        .route("/sandbox/threads", get(conversation::search))
        .route("/sandbox/threads/{id}", get(conversation::thread))
        .route("/sandbox/messages/{id}/html", get(conversation::html))
        .route("/sandbox/messages/{id}/files/{at}", get(conversation::file))
        .route("/sandbox/messages/{id}/files/{at}/text", get(conversation::file_text))
        .route("/sandbox/faults", post(faults::order).delete(faults::lift_all))
        .route("/sandbox/faults/{id}", delete(faults::lift))
        .route("/sandbox/sockets/drop", post(faults::drop_sockets))
        .route("/sandbox/sockets/close", post(faults::close_sockets))
        .route("/sandbox/senders", post(senders::add))
        .route("/sandbox/senders/filter", post(senders::filter))
        .route("/sandbox/senders/{sender}", delete(senders::remove))
        .route("/sandbox/clock", post(clock::advance))
        .route("/sandbox/inboxes", post(accounts::create_inbox))
        .route("/sandbox/inboxes/{id}/suspend", post(accounts::suspend))
        .route("/sandbox/inboxes/{id}/reactivate", post(accounts::reactivate))
        .route("/sandbox/keys", post(accounts::create_key))
        .route("/sandbox/keys/{id}", delete(accounts::revoke_key))
        .layer(DefaultBodyLimit::max(rest::BODY_AT_MOST))
        .merge(page::router())
        .with_state(shared)
}

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade},
    response::Response,
};

use super::connection;
use crate::{shared::Shared, world::Caller};

/// Frames beyond this are a protocol violation: no client message is near it.
const MESSAGE_AT_MOST: usize = 1024 * 1024;

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(MESSAGE_AT_MOST).on_upgrade(move |socket| {
        let tasks = shared.tasks.clone();
        tasks.track_future(connection::run(shared, socket, caller))
    })
}

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::{IntoResponse, Response},
};
use http::HeaderMap;

use super::connection;
use crate::{
    model::{Fault, Operation},
    rest::bearer,
    shared::Shared,
    world::{Caller, Refusal, World},
};

/// Frames beyond this are a protocol violation: no client message is near it.
const MESSAGE_AT_MOST: usize = 1024 * 1024;

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let token = bearer(&headers).or_else(|| params.get("token").map(String::as_str));
    let caller = match shared.change(|world| admit(world, token)) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    match upgrade {
        Err(rejection) => rejection.into_response(),
        Ok(upgrade) => upgrade.max_message_size(MESSAGE_AT_MOST).on_upgrade(move |socket| {
            let tasks = shared.tasks.clone();
            tasks.track_future(connection::run(shared, socket, caller))
        }),
    }
}

fn admit(world: &mut World, token: Option<&str>) -> Result<Caller, Refusal> {
    *world.counts.requests.entry(Operation::OpenSocket).or_default() += 1;
    let ordered = world.faults.take(|fault| match fault {
        Fault::RefuseUpgrade { status } => Some(*status),
        _ => None,
    });
    let admission = match ordered {
        Some(status) => Err(Refusal::new(status, "upgrade_refused", "The upgrade is refused")),
        None => world.authenticate(token),
    };
    world.counts.sockets_refused += u64::from(admission.is_err());
    admission
}

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{body::Json, order::Order};
use crate::{
    model::FaultId,
    rest::{Answer, json, no_content},
    shared::Shared,
    world::World,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ordered {
    fault: Order,
    /// None = until lifted.
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    code: u16,
}

pub(crate) async fn order(State(shared): State<Arc<Shared>>, Json(ordered): Json<Ordered>) -> Answer {
    let id = shared.change(|world| world.faults.order(ordered.fault.into(), ordered.times));
    Ok(json(StatusCode::CREATED, &json!({"id": id.0})))
}

pub(crate) async fn lift(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Answer {
    shared.change(|world| world.lift_fault(FaultId(id)));
    no_content()
}

pub(crate) async fn lift_all(State(shared): State<Arc<Shared>>) -> Answer {
    shared.change(World::lift_all_faults);
    no_content()
}

pub(crate) async fn drop_sockets(State(shared): State<Arc<Shared>>) -> Answer {
    shared.change(World::drop_sockets);
    no_content()
}

pub(crate) async fn close_sockets(State(shared): State<Arc<Shared>>, Json(close): Json<Close>) -> Answer {
    shared.change(|world| world.close_sockets(close.code));
    no_content()
}

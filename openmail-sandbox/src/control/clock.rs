use std::{sync::Arc, time::Duration};

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use crate::{
    rest::{Answer, ok},
    shared::Shared,
    world::{Refusal, iso},
};

/// Beyond this a mistake is likelier than a wish.
const SECONDS_AT_MOST: u64 = 366 * 24 * 60 * 60;

/// How far to move the clock.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    Seconds(u64),
    /// To the start of the next UTC day.
    Midnight {},
}

pub(crate) async fn advance(State(shared): State<Arc<Shared>>, Json(step): Json<Step>) -> Answer {
    shared.change(|world| {
        match step {
            Step::Seconds(seconds) if seconds > SECONDS_AT_MOST => {
                return Err(Refusal::bad_request("the clock moves by a year at most"));
            }
            Step::Seconds(seconds) => world.clock.advance(Duration::from_secs(seconds)),
            Step::Midnight {} => world.advance_to_midnight(),
        }
        ok(&json!({"now": iso(world.now())}))
    })
}

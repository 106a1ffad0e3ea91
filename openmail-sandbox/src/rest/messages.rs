use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};

use super::{
    error::Answer,
    page::{Page, Params},
};
use crate::{
    model::Message,
    shared::Shared,
    world::{Caller, Refusal, is_visible},
};

/// Newest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(inbox_id): Path<String>,
    params: Params,
) -> Answer {
    let page = Page::of(&params)?;
    let direction = params.get("direction").map(String::as_str);
    if direction.is_some_and(|direction| !["inbound", "outbound"].contains(&direction)) {
        return Err(Refusal::bad_request("querystring/direction must be inbound or outbound"));
    }
    shared.change(|world| {
        world.inbox_for(&caller, &inbox_id)?;
        world.count_read(|message| message.inbox_id == inbox_id);
        let all = || world.messages_in(&inbox_id).rev();
        let row = |message| world.message_row(message);
        if direction.is_none() && !world.is_anything_lagging() {
            return Ok(page.answer(world, "messages", all().len(), all(), row));
        }
        let wanted = |message: &&Message| {
            is_visible(message) && direction.is_none_or(|direction| direction == message.direction.as_str())
        };
        Ok(page.answer(world, "messages", all().filter(wanted).count(), all().filter(wanted), row))
    })
}

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
        let messages = world.messages.iter().rev().filter(|message| {
            message.inbox_id == inbox_id
                && is_visible(message)
                && direction.is_none_or(|direction| direction == message.direction.as_str())
        });
        let messages: Vec<_> = messages.collect();
        Ok(page.answer(world, "messages", &messages, |message| world.message_row(message)))
    })
}

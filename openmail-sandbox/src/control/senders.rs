use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Json;
use crate::{
    model::{FilterMode, RuleKind},
    rest::{Answer, no_content},
    shared::Shared,
    world::{Refusal, World, iso},
};

const DROPPED_AT_MOST: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    kind: Kind,
    sender: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Block,
    Allow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    mode: Mode,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    None,
    Allowlist,
}

pub(crate) async fn add(State(shared): State<Arc<Shared>>, Json(rule): Json<Rule>) -> Answer {
    let kind = match rule.kind {
        Kind::Block => RuleKind::Block,
        Kind::Allow => RuleKind::Allow,
    };
    if shared.change(|world| world.senders.add(kind, &rule.sender)) {
        no_content()
    } else {
        Err(Refusal::bad_request("a rule is for an address or a domain, such as example.com"))
    }
}

pub(crate) async fn remove(State(shared): State<Arc<Shared>>, Path(sender): Path<String>) -> Answer {
    shared.change(|world| world.senders.remove(&sender));
    no_content()
}

pub(crate) async fn filter(State(shared): State<Arc<Shared>>, Json(filter): Json<Filter>) -> Answer {
    shared.change(|world| {
        world.senders.mode = match filter.mode {
            Mode::None => FilterMode::Everyone,
            Mode::Allowlist => FilterMode::Allowlist,
        };
    });
    no_content()
}

/// The rules and what they kept out lately, as the overview has them.
pub(crate) fn row(world: &World) -> Value {
    let rules = world.senders.rules().map(|rule| {
        let kind = match rule.kind {
            RuleKind::Block => "block",
            RuleKind::Allow => "allow",
        };
        json!({"kind": kind, "sender": rule.sender})
    });
    let dropped = world.senders.dropped().rev().take(DROPPED_AT_MOST).map(|mail| {
        json!({
            "from": mail.from,
            "inbox_id": mail.inbox_id,
            "subject": mail.subject,
            "blocked": mail.is_blocked,
            "at": iso(mail.at),
        })
    });
    json!({
        "allowlist": world.senders.mode == FilterMode::Allowlist,
        "rules": rules.collect::<Vec<_>>(),
        "dropped": dropped.collect::<Vec<_>>(),
    })
}

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::{order, senders};
use crate::{
    model::{
        Delivery, Direction, EventContent, EventRecord, EventState, Inbox, Key, Scope, Thread, Transport,
        WebhookOutcome,
    },
    rest::{Answer, ok},
    shared::Shared,
    world::{World, iso, later, next_utc_day},
};

const THREADS_AT_MOST: usize = 200;
const EVENTS_AT_MOST: usize = 60;
const SNIPPET: usize = 120;

/// How it stands, once.
pub(crate) async fn now(State(shared): State<Arc<Shared>>) -> Answer {
    shared.read(|world| ok(&of(world)))
}

/// Everything the page shows but the messages of a conversation.
pub(crate) fn of(world: &World) -> Value {
    let threads = world.recent_threads().take(THREADS_AT_MOST);
    let events = world.events.iter().rev().take(EVENTS_AT_MOST);
    let (cold_used, cold_limit) = world.account_cold();
    json!({
        "now": iso(world.now()),
        "midnight": iso(next_utc_day(world.now())),
        "smtp": world.settings.smtp,
        "inboxes": world.inboxes.iter().map(|inbox| inbox_row(world, inbox)).collect::<Vec<_>>(),
        "threads": threads.map(|thread| thread_row(world, thread)).collect::<Vec<_>>(),
        "events": events.map(event_row).collect::<Vec<_>>(),
        "sockets": {"open": world.connections.len(), "subscribed": world.subscribed_sockets()},
        "webhook": world.account_webhook.is_some(),
        "faults": world.faults.ordered().map(|(id, fault, left)| {
            json!({"id": id.0, "text": order::describe(fault), "left": left})
        }).collect::<Vec<_>>(),
        "account": {"plan": world.settings.plan, "cold": {"used": cold_used, "limit": cold_limit}},
        "senders": senders::row(world),
        "keys": world.keys.iter().map(|key| key_row(world, key)).collect::<Vec<_>>(),
        "counts": {
            "sends_accepted": world.counts.sends_accepted,
            "sends_refused": world.counts.sends_refused,
            "sends_repeated": world.counts.sends_repeated,
            "limits_exceeded": world.counts.limits_exceeded,
            "relay_attempts": world.counts.relay_attempts,
            "complaints": world.complaints(),
        },
    })
}

fn inbox_row(world: &World, inbox: &Inbox) -> Value {
    let used = world.used(inbox);
    let minute = std::time::Duration::from_secs(60);
    json!({
        "id": inbox.id,
        "address": inbox.address,
        "display_name": inbox.display_name,
        "suspended": inbox.suspended,
        "throttled": world.is_throttled(inbox),
        "unread": world.index.unread_in(&inbox.id),
        "minute": {
            "limit": world.settings.burst,
            "free_at": used.minute.iter().map(|at| iso(later(*at, minute))).collect::<Vec<_>>(),
        },
        "day": {"limit": used.daily, "used": used.today},
        "cold": {"limit": used.cold_limit, "used": used.cold},
    })
}

/// A thread as lists show it.
pub(crate) fn thread_row(world: &World, thread: &Thread) -> Value {
    let last = world.thread_messages(&thread.id).next_back();
    let outside = world.thread_messages(&thread.id).rfind(|message| message.direction == Direction::Inbound);
    let person = outside.map(|message| &message.from).or(last.map(|message| &message.to));
    let written = last.map(|message| message.text.split("\n\nOn ").next().unwrap_or_default());
    let snippet = written.map(|text| text.split_whitespace().take(40).collect::<Vec<_>>().join(" "));
    json!({
        "id": thread.id,
        "inbox_id": thread.inbox_id,
        "subject": thread.subject,
        "person": person,
        "snippet": snippet.map(|text| text.chars().take(SNIPPET).collect::<String>()),
        "answered": last.is_some_and(|message| message.direction == Direction::Outbound),
        "is_read": thread.is_read,
        "messages": world.thread_messages(&thread.id).count(),
        "at": iso(thread.last_message_at),
    })
}

pub(crate) fn event_row(event: &EventRecord) -> Value {
    let (message_id, thread_id) = match &event.content {
        EventContent::Message { id, thread_id } => (Some(id), Some(thread_id)),
        EventContent::Fields(_) => (None, None),
    };
    json!({
        "id": event.id,
        "kind": event.kind,
        "inbox_id": event.inbox_id,
        "thread_id": thread_id,
        "message_id": message_id,
        "at": iso(event.occurred_at),
        "state": match event.state {
            EventState::Held => "held",
            EventState::Lost => "lost",
            EventState::Socket { .. } => "socket",
            EventState::WebhookPending => "pending",
            EventState::WebhookDelivered => "webhook",
            EventState::Failed => "failed",
        },
        "deliveries": event.deliveries.iter().map(delivery_row).collect::<Vec<_>>(),
    })
}

fn delivery_row(delivery: &Delivery) -> Value {
    json!({
        "transport": match delivery.transport {
            Transport::Socket => "socket",
            Transport::Replay => "replay",
            Transport::Webhook => "webhook",
        },
        "attempt": delivery.attempt,
        "latency_ms": delivery.latency.as_millis() as u64,
        "outcome": delivery.outcome.map(|outcome| match outcome {
            WebhookOutcome::Answered(status) => status.to_string(),
            WebhookOutcome::TimedOut => "timed out".into(),
            WebhookOutcome::Unreachable => "unreachable".into(),
        }),
        "delivered": delivery.outcome.is_none_or(WebhookOutcome::is_delivered),
    })
}

/// Without the token, which is a secret even here.
fn key_row(world: &World, key: &Key) -> Value {
    let reach = match &key.scope {
        Scope::Account => "whole account".to_owned(),
        Scope::Pod(id) => format!("pod {id}"),
        Scope::Inbox(id) => world.inbox(id).map_or_else(|| id.clone(), |inbox| inbox.address.clone()),
    };
    json!({"id": key.id, "name": key.name, "reach": reach})
}

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::{
    World,
    clock::{later, until},
    ids,
};
use crate::model::{
    Delivery, EventContent, EventRecord, EventState, Inbox, Transport, WebhookAttempt, WebhookOutcome,
};

/// What follows the first, second, third and fourth failure; the fifth is the last.
const RETRIES: [Duration; 4] =
    [Duration::from_secs(30), Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(240)];

/// The webhook of the account.
#[derive(Clone, Debug)]
pub(crate) struct AccountWebhook {
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// A delivery that has yet to succeed.
#[derive(Debug)]
pub(crate) struct PendingAttempt {
    id: u64,
    event: usize,
    number: u32,
    due: Timestamp,
    running: bool,
}

/// A delivery to be tried now.
#[derive(Debug)]
pub(crate) struct DueAttempt {
    pub(crate) id: u64,
    pub(crate) event_id: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) timestamp: i64,
    pub(crate) body: String,
}

impl World {
    /// Where an event goes, and the secret it is signed with: the inbox's own webhook before the account's.
    pub(crate) fn webhook_of(&self, event: &EventRecord) -> Option<(String, String)> {
        let inbox = event.inbox_id.as_deref().and_then(|id| self.inbox(id));
        let own = inbox.and_then(|inbox| inbox.webhook_url.clone().zip(inbox.webhook_secret.clone()));
        let account = self.account_webhook.as_ref();
        own.or_else(|| account.map(|webhook| (webhook.url.clone(), webhook.secret.clone())))
    }

    /// A test event for an inbox's own webhook, outside of the log.
    pub(crate) fn test_attempt(&self, inbox: &Inbox) -> Option<DueAttempt> {
        let (url, secret) = inbox.webhook_url.clone().zip(inbox.webhook_secret.clone())?;
        let event = EventRecord {
            id: ids::id("evt"),
            kind: "webhook.test".into(),
            inbox_id: Some(inbox.id.clone()),
            occurred_at: self.now(),
            state: EventState::WebhookPending,
            deliveries: Vec::new(),
            content: EventContent::Fields(Map::from_iter([
                ("inbox_id".to_owned(), json!(inbox.id)),
                ("inbox_address".to_owned(), json!(inbox.address)),
            ])),
        };
        Some(DueAttempt {
            id: u64::MAX,
            url,
            secret,
            timestamp: self.now().as_second(),
            body: self.event_body(&event, 1),
            event_id: event.id,
        })
    }

    pub(crate) fn enqueue_webhook(&mut self, event: usize) {
        let id = self.pending.iter().map(|pending| pending.id + 1).max().unwrap_or_default();
        self.pending.push(PendingAttempt { id, event, number: 1, due: self.now(), running: false });
    }

    /// Takes what is due, and says when the next is.
    pub(crate) fn take_due_attempts(&mut self) -> (Vec<DueAttempt>, Option<Timestamp>) {
        let now = self.now();
        let mut due = Vec::new();
        let mut abandoned = Vec::new();
        for at in 0..self.pending.len() {
            let pending = &self.pending[at];
            if pending.running || pending.due > now {
                continue;
            }
            let event = &self.events[pending.event];
            match self.webhook_of(event) {
                None => abandoned.push((pending.id, pending.event)),
                Some((url, secret)) => {
                    due.push(DueAttempt {
                        id: pending.id,
                        event_id: event.id.clone(),
                        url,
                        secret,
                        timestamp: now.as_second(),
                        body: self.event_body(event, pending.number),
                    });
                    self.pending[at].running = true;
                }
            }
        }
        for (id, event) in abandoned {
            self.pending.retain(|pending| pending.id != id);
            self.events[event].state = EventState::Failed;
        }
        (due, self.next_attempt())
    }

    pub(crate) fn next_attempt(&self) -> Option<Timestamp> {
        let waiting = self.pending.iter().filter(|pending| !pending.running);
        waiting.map(|pending| pending.due).min()
    }

    /// Records how an attempt ended, and plans the next if there is to be one.
    pub(crate) fn finish_attempt(&mut self, id: u64, url: String, outcome: WebhookOutcome) {
        let now = self.now();
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else { return };
        let pending = &mut self.pending[at];
        let event = &mut self.events[pending.event];
        self.attempts.push(WebhookAttempt {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            url,
            attempt: pending.number,
            at: now,
            outcome,
        });
        event.deliveries.push(Delivery {
            transport: Transport::Webhook,
            attempt: pending.number,
            at: now,
            latency: until(event.occurred_at, now),
            outcome: Some(outcome),
        });
        self.counts.webhook_attempts += 1;
        self.counts.webhook_failures += u64::from(!outcome.is_delivered());
        let retry = RETRIES.get(pending.number as usize - 1).filter(|_| !outcome.is_delivered());
        match retry {
            Some(wait) => {
                pending.number += 1;
                pending.due = later(now, *wait);
                pending.running = false;
            }
            None => {
                event.state =
                    if outcome.is_delivered() { EventState::WebhookDelivered } else { EventState::Failed };
                self.pending.remove(at);
            }
        }
    }
}

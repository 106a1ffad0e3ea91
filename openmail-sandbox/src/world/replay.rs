use std::collections::BTreeSet;

use serde_json::json;

use super::{
    World,
    connections::{Frame, Subscription},
    keys::Caller,
};
use crate::model::{Drift, Fault, Scope, Transport};

const REPLAYED_AT_MOST: usize = 100;

/// A client's `subscribe`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribe {
    pub(crate) inbox_ids: Vec<String>,
    pub(crate) event_types: Vec<String>,
    pub(crate) last_event_id: Option<String>,
}

impl World {
    /// Confirms a subscription and replays what it missed, or says in an error frame why not.
    pub(crate) fn subscribe(&mut self, id: u64, subscribe: Subscribe) {
        if self.faults.take(|fault| (*fault == Fault::DeafSocket).then_some(())).is_some() {
            return;
        }
        let answer = self.subscription(id, &subscribe).and_then(|subscription| {
            let replay = self.replay(id, &subscription, subscribe.last_event_id.as_deref())?;
            Ok((subscription, replay))
        });
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match answer {
            Err(message) => connection.push(Frame::error(&message)),
            Ok((subscription, replay)) => {
                let confirmation = json!({
                    "type": "subscribed",
                    "inbox_ids": subscription.inboxes.clone().unwrap_or_default(),
                    "event_types": subscription.event_types,
                });
                connection.push(Frame::Text(confirmation.to_string()));
                self.counts.subscriptions += 1;
                self.counts.events_replayed += replay.len() as u64;
                replay.into_iter().for_each(|frame| connection.push(frame));
                if !connection.subscriptions.contains(&subscription) {
                    connection.subscriptions.push(subscription);
                }
            }
        }
    }

    /// Takes the named inboxes out of every subscription of the socket, or ends them all.
    pub(crate) fn unsubscribe(&mut self, id: u64, inbox_ids: &[String]) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        for subscription in &mut connection.subscriptions {
            match &mut subscription.inboxes {
                Some(inboxes) => inboxes.retain(|inbox| !inbox_ids.contains(inbox)),
                None => subscription.except.extend(inbox_ids.iter().cloned()),
            }
        }
        if inbox_ids.is_empty() {
            connection.subscriptions.clear()
        } else {
            connection.subscriptions.retain(|subscription| !subscription.is_empty())
        }
        let confirmation = json!({"type": "unsubscribed", "inbox_ids": inbox_ids});
        connection.push(Frame::Text(confirmation.to_string()));
    }

    fn subscription(&self, id: u64, subscribe: &Subscribe) -> Result<Subscription, String> {
        let caller = self.connections.get(&id).map(|connection| &connection.caller);
        let caller = caller.ok_or_else(|| "connection closed".to_owned())?;
        for inbox_id in &subscribe.inbox_ids {
            if self.inbox_for(caller, inbox_id).is_err() {
                return Err(format!("Inbox not found or not yours: {inbox_id}"));
            }
        }
        Ok(Subscription {
            inboxes: if subscribe.inbox_ids.is_empty() {
                self.all_inboxes_of(caller)
            } else {
                Some(subscribe.inbox_ids.iter().cloned().collect())
            },
            except: BTreeSet::new(),
            event_types: subscribe.event_types.iter().cloned().collect(),
        })
    }

    /// For a scoped key, "all inboxes" means those that exist now.
    fn all_inboxes_of(&self, caller: &Caller) -> Option<BTreeSet<String>> {
        if caller.scope == Scope::Account {
            return None;
        }
        let reached = self.inboxes.iter().filter(|inbox| caller.reaches(inbox));
        Some(reached.map(|inbox| inbox.id.clone()).collect())
    }

    fn replay(
        &mut self,
        id: u64,
        subscription: &Subscription,
        last_event_id: Option<&str>,
    ) -> Result<Vec<Frame>, String> {
        let Some(last) = last_event_id else { return Ok(Vec::new()) };
        let refused = self.faults.take(|fault| (*fault == Fault::RefuseCursor).then_some(())).is_some();
        let unknown = || format!("Unknown last_event_id: {last}");
        let at = self.index.event(last).filter(|_| !refused).ok_or_else(unknown)?;
        if !self.may_see(id, self.events[at].inbox_id.as_deref()) {
            return Err(unknown());
        }
        let later = self.events.iter().enumerate().skip(at + 1);
        let missed: Vec<_> = later.filter(|(_, event)| subscription.matches(event)).collect();
        let newest = self.settings.drifts.contains(&Drift::ReplayNewest);
        let skipped = if newest { missed.len().saturating_sub(REPLAYED_AT_MOST) } else { 0 };
        let replayed = missed.into_iter().skip(skipped).take(REPLAYED_AT_MOST);
        let frames = replayed.map(|(at, event)| {
            let body = self.event_body(event, 1);
            Frame::Event { at, transport: Transport::Replay, body }
        });
        Ok(frames.collect())
    }

    fn may_see(&self, connection: u64, inbox_id: Option<&str>) -> bool {
        let Some(connection) = self.connections.get(&connection) else { return false };
        match (&connection.caller.scope, inbox_id) {
            (Scope::Account, _) => true,
            (_, Some(inbox_id)) => self.inbox_for(&connection.caller, inbox_id).is_ok(),
            (_, None) => false,
        }
    }
}

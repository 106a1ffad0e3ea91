use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    World,
    clock::{iso, until},
    connections::Frame,
    ids,
};
use crate::model::{Delivery, EventContent, EventRecord, EventState, Fault, FaultId, Transport};

impl World {
    /// Logs an event and sends it on its way. Returns its id.
    pub(crate) fn publish(
        &mut self,
        kind: &str,
        inbox_id: Option<&str>,
        occurred_at: Timestamp,
        content: EventContent,
    ) -> String {
        let id = ids::id("evt");
        self.events.push(EventRecord {
            id: id.clone(),
            kind: kind.to_owned(),
            inbox_id: inbox_id.map(str::to_owned),
            occurred_at,
            state: EventState::Held,
            deliveries: Vec::new(),
            content,
        });
        self.index.add_event(&id, self.events.len() - 1);
        self.dispatch(self.events.len() - 1);
        id
    }

    /// The body of an event, the same for sockets and webhooks.
    pub(crate) fn event_body(&self, event: &EventRecord, attempt: u32) -> String {
        let mut body = self.event_fields(event);
        body.extend([
            ("event".to_owned(), json!(event.kind)),
            ("event_id".to_owned(), json!(event.id)),
            ("occurred_at".to_owned(), json!(iso(event.occurred_at))),
            ("delivered_at".to_owned(), json!(iso(self.now()))),
            ("attempt".to_owned(), json!(attempt)),
        ]);
        Value::Object(body).to_string()
    }

    /// What of an event's body is the same at each delivery.
    pub(crate) fn event_fields(&self, event: &EventRecord) -> Map<String, Value> {
        match &event.content {
            EventContent::Fields(fields) => fields.clone(),
            EventContent::Message { id, .. } => {
                let message = self.message(id);
                let inbox = message.and_then(|message| self.inbox(&message.inbox_id));
                inbox
                    .zip(message)
                    .map(|(inbox, message)| self.received_fields(inbox, message))
                    .unwrap_or_default()
            }
        }
    }

    /// Notes that a socket has been written an event.
    pub(crate) fn finish_frame(&mut self, index: usize, transport: Transport) {
        let now = self.now();
        let Some(event) = self.events.get_mut(index) else { return };
        let latency = until(event.occurred_at, now);
        event.deliveries.push(Delivery { transport, attempt: 1, at: now, latency, outcome: None });
    }

    pub(crate) fn event(&self, id: &str) -> Option<&EventRecord> {
        self.events.get(self.index.event(id)?)
    }

    /// Sends on what a lifted fault held back, in the order it came.
    pub(crate) fn release_held(&mut self, by: impl Fn(FaultId) -> bool) {
        let (released, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.faults.held).into_iter().partition(|(fault, _)| by(*fault));
        self.faults.held = held;
        for (_, index) in released {
            self.deliver(index);
        }
        if let Some((_, index)) = self.faults.swapped.take_if(|(fault, _)| by(*fault)) {
            self.deliver(index);
        }
    }

    fn dispatch(&mut self, index: usize) {
        if self.faults.take(|fault| (*fault == Fault::LoseEvent).then_some(())).is_some() {
            self.events[index].state = EventState::Lost;
            return;
        }
        let hold = |fault: &Fault| (*fault == Fault::HoldEvent).then_some(());
        if let Some((id, ())) = self.faults.take_with_id(hold) {
            self.faults.held.push((id, index));
            return;
        }
        if let Some((_, earlier)) = self.faults.swapped.take() {
            self.deliver(index);
            self.deliver(earlier);
            return;
        }
        let swap = |fault: &Fault| (*fault == Fault::SwapEvents).then_some(());
        match self.faults.take_with_id(swap) {
            Some((id, ())) => self.faults.swapped = Some((id, index)),
            None => self.deliver(index),
        }
    }

    /// Every socket whose subscription matches gets its own copy; without one the webhook has its turn;
    /// without that the event has failed.
    fn deliver(&mut self, index: usize) {
        let doubled = self.faults.take(|fault| (*fault == Fault::DuplicateEvent).then_some(2));
        let times = doubled.unwrap_or(1);
        let copies = self.deliver_to_sockets(index, times);
        self.events[index].state = match copies {
            0 if self.webhook_of(&self.events[index]).is_some() => {
                (0..times).for_each(|_| self.enqueue_webhook(index));
                EventState::WebhookPending
            }
            0 => EventState::Failed,
            copies => EventState::Socket { copies },
        };
    }

    fn deliver_to_sockets(&mut self, index: usize, times: usize) -> usize {
        let event = &self.events[index];
        let body = self.event_body(event, 1);
        let mut copies = 0;
        for connection in self.connections.values_mut().filter(|connection| connection.wants(event)) {
            let frame = Frame::Event { at: index, transport: Transport::Socket, body: body.clone() };
            (0..times).for_each(|_| connection.push(frame.clone()));
            copies += times;
        }
        self.counts.event_frames += copies as u64;
        copies
    }
}

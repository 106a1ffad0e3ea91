use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{EventId, InboxId};
use crate::wire::frame::{ClientFrame, Subscription};

use super::budget::Budget;
use super::heartbeat::Heartbeat;
use super::input::Action;
use super::replay::Page;

/// How long the service has to confirm a subscribe.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
/// How often everything is subscribed again: with a pod's key, "all inboxes" means those that were there at the time.
const RESUBSCRIBE_EVERY: Duration = Duration::from_secs(60);

/// One open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) heartbeat: Heartbeat,
    /// When the first subscribe was confirmed.
    pub(super) confirmed: Option<Instant>,
    /// The page of a replay that is being received.
    pub(super) page: Option<Page>,
    /// The subscription does not cover the inbox that was asked for.
    pub(super) is_uncovered: bool,
    /// The only inbox to hear of; `None` = every inbox the key may see.
    only: Option<InboxId>,
    unanswered: Option<Unanswered>,
    resubscribe_at: Instant,
    budget: Budget,
    outgoing: VecDeque<Outgoing>,
}

/// A subscribe that is neither confirmed nor refused.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) cursor: Option<EventId>,
    /// `None` while it waits for the budget.
    by: Option<Instant>,
}

#[derive(Debug)]
enum Outgoing {
    Frame(ClientFrame),
    Ping,
}

impl Connection {
    pub(super) fn open(only: Option<InboxId>, now: Instant) -> Self {
        Self {
            heartbeat: Heartbeat::new(now),
            confirmed: None,
            page: None,
            is_uncovered: false,
            only,
            unanswered: None,
            resubscribe_at: now + RESUBSCRIBE_EVERY,
            budget: Budget::default(),
            outgoing: VecDeque::new(),
        }
    }

    /// Asks for events, from the cursor on where there is one.
    pub(super) fn subscribe(&mut self, cursor: Option<EventId>, now: Instant) {
        self.resubscribe_at = now + RESUBSCRIBE_EVERY;
        let goes_on = self.page.take();
        self.page = cursor.clone().map(|cursor| Page::new(cursor, goes_on.is_some(), now));
        self.unanswered = Some(Unanswered { cursor: cursor.clone(), by: None });
        self.outgoing.push_back(Outgoing::Frame(ClientFrame::Subscribe(Subscription {
            inbox_ids: self.only.clone().map(|only| vec![only]),
            last_event_id: cursor,
        })));
    }

    /// The service confirmed a subscription to these inboxes. Tells which subscribe that answers, if any.
    pub(super) fn confirm(&mut self, inboxes: &[InboxId], now: Instant) -> Option<Unanswered> {
        let answered = self.unanswered.take_if(|unanswered| unanswered.by.is_some())?;
        self.is_uncovered =
            !inboxes.is_empty() && self.only.as_ref().is_some_and(|only| !inboxes.contains(only));
        self.confirmed.get_or_insert(now);
        if answered.cursor.is_some() {
            self.outgoing.push_back(Outgoing::Frame(ClientFrame::Ping));
        }
        Some(answered)
    }

    /// The subscribe that an `error` frame may be the answer to.
    pub(super) fn unanswered(&self) -> Option<&Unanswered> {
        self.unanswered.as_ref().filter(|unanswered| unanswered.by.is_some())
    }

    /// The subscribe was refused, but earlier ones stand.
    pub(super) fn give_up_subscribe(&mut self) {
        self.unanswered = None;
    }

    /// Has everything subscribed again as soon as nothing else is under way.
    pub(super) fn resubscribe_soon(&mut self, now: Instant) {
        self.resubscribe_at = now;
    }

    pub(super) fn is_resubscribe_due(&self, now: Instant) -> bool {
        self.may_resubscribe() && self.resubscribe_at <= now
    }

    fn may_resubscribe(&self) -> bool {
        self.confirmed.is_some() && self.unanswered.is_none() && self.page.is_none()
    }

    pub(super) fn is_deaf(&self, now: Instant) -> bool {
        self.unanswered().and_then(|unanswered| unanswered.by).is_some_and(|by| by <= now)
    }

    pub(super) fn ping_if_due(&mut self, now: Instant) {
        if self.heartbeat.ping_due(now) {
            self.outgoing.push_back(Outgoing::Ping);
        }
    }

    /// Sends what the budget allows; the rest waits.
    pub(super) fn flush(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while !self.outgoing.is_empty() && self.budget.take(now) {
            match self.outgoing.pop_front() {
                Some(Outgoing::Frame(frame)) => {
                    self.note_sent(&frame, now);
                    actions.push(Action::Send(frame));
                }
                Some(Outgoing::Ping) => actions.push(Action::Ping),
                None => return,
            }
        }
    }

    fn note_sent(&mut self, frame: &ClientFrame, now: Instant) {
        match frame {
            ClientFrame::Subscribe(_) => {
                if let Some(unanswered) = &mut self.unanswered {
                    unanswered.by = Some(now + CONFIRM_WITHIN);
                }
            }
            ClientFrame::Ping => {
                if let Some(page) = &mut self.page {
                    page.marked(now);
                }
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let confirm = self.unanswered().and_then(|unanswered| unanswered.by);
        let page = self.page.as_ref().and_then(Page::deadline);
        let slot = self.budget.next_slot().filter(|_| !self.outgoing.is_empty());
        let resubscribe = Some(self.resubscribe_at).filter(|_| self.may_resubscribe());
        let heartbeat = self.heartbeat.next_deadline();
        [confirm, page, slot, resubscribe].into_iter().flatten().fold(heartbeat, Instant::min)
    }
}

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::model::{EventId, InboxId};
use crate::transport::GapReason;
use crate::wire::frame::ServerFrame;

use super::super::state::{Degradation, SocketState, StopReason};
use super::connection::Connection;
use super::input::{Action, Input, Refusal};
use super::replay::PageEnd;

/// How long a connection may take to open.
const DIAL_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection must have lasted to start over with short waits.
const STABLE_AFTER: Duration = Duration::from_secs(60);
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// Twice the least wait for a free slot: in a rolling deploy the old process still holds it.
const SLOW: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(60));
/// The longest `Retry-After` that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// What the socket has to do next, given what has happened so far.
///
/// Every [`Input`] leads to [`Action`]s to carry out in order; when [`next_deadline`](Session::next_deadline)
/// comes before anything else happens, [`Input::Tick`] is due. The machine never says
/// [`Live`](SocketState::Live) without a confirmed subscription, and never sends more than the service takes.
#[derive(Debug)]
pub(crate) struct Session {
    /// The only inbox to hear of; `None` = every inbox the key may see.
    only: Option<InboxId>,
    cursor: Option<EventId>,
    phase: Phase,
    /// Tries that failed since the last connection that lasted.
    failures: u32,
    trouble: Option<Degradation>,
    /// A gap to report once the subscription is in force: what REST is asked before, it may answer too early.
    gap: Option<GapReason>,
    shown: SocketState,
    jitter: Jitter,
    actions: Vec<Action>,
}

#[derive(Debug)]
enum Phase {
    Waiting { until: Instant },
    Dialling { by: Instant },
    Open(Box<Connection>),
    Stopped(StopReason),
}

/// Draws the wait before the next try.
#[derive(Debug, Clone, Copy)]
enum Jitter {
    Random,
    #[cfg(test)]
    Longest,
}

impl Session {
    /// A session that dials at once and resumes after `cursor`, where there is one.
    #[must_use]
    pub(crate) fn new(only: Option<InboxId>, cursor: Option<EventId>, now: Instant) -> Self {
        Self {
            only,
            cursor,
            phase: Phase::Waiting { until: now },
            failures: 0,
            trouble: None,
            gap: None,
            shown: SocketState::Connecting,
            jitter: Jitter::Random,
            actions: Vec::new(),
        }
    }

    /// One that resumes where another left off, of which nobody knows whether it had seen all up to there: mail among what was replayed
    /// to it moved the cursor past what had not come yet.
    #[must_use]
    pub(crate) fn after_another(mut self) -> Self {
        self.gap = self.cursor.as_ref().map(|_| GapReason::ReplayUnfinished);
        self
    }

    #[cfg(test)]
    pub(super) fn with_longest_waits(mut self) -> Self {
        self.jitter = Jitter::Longest;
        self
    }

    /// Takes in what happened, and adds what to do about it to `actions`.
    pub(crate) fn handle(&mut self, input: Input, now: Instant, actions: &mut Vec<Action>) {
        match input {
            Input::Tick => {}
            Input::Connected => self.connected(now),
            Input::ConnectFailed => self.retry(Degradation::Unreachable, now),
            Input::Refused(refusal) => self.refused(refusal, now),
            Input::Frame(frame) => self.frame(frame, now),
            Input::PeerPing => self.on_connection(|connection| connection.heartbeat.heard(now)),
            Input::PeerPong => self.on_connection(|connection| connection.heartbeat.ponged(now)),
            Input::Closed(code) => self.closed(code, now),
            Input::Oversized => self.oversized(now),
            Input::Stalled => self.retry(Degradation::StoreSlow, now),
            Input::Recorded(event_id) => self.cursor = Some(event_id),
            Input::SubscribeAgain => self.on_connection(|connection| connection.resubscribe_soon(now)),
        }
        self.tick(now);
        self.flush(now);
        self.show();
        actions.append(&mut self.actions);
    }

    /// When to come back with [`Input::Tick`], unless something else happens first; `None` once stopped.
    #[must_use]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Dialling { by } => Some(*by),
            Phase::Open(connection) => Some(connection.next_deadline()),
            Phase::Stopped(_) => None,
        }
    }

    /// Where the socket stands.
    #[must_use]
    pub(crate) fn state(&self) -> SocketState {
        match &self.phase {
            Phase::Stopped(reason) => SocketState::Stopped(*reason),
            Phase::Open(connection) if connection.confirmed.is_some() => self.state_of(connection),
            _ => self.trouble.map_or(SocketState::Connecting, SocketState::Degraded),
        }
    }

    fn state_of(&self, connection: &Connection) -> SocketState {
        match &connection.page {
            _ if connection.is_uncovered => SocketState::Degraded(Degradation::Uncovered),
            None => SocketState::Live,
            Some(page) if page.has_begun() => SocketState::Replaying,
            Some(_) => SocketState::Subscribed,
        }
    }

    fn connected(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Dialling { .. }) {
            return;
        }
        let mut connection = Box::new(Connection::open(self.only.clone(), now));
        connection.subscribe(self.cursor.clone(), now);
        self.phase = Phase::Open(connection);
    }

    fn refused(&mut self, refusal: Refusal, now: Instant) {
        let asked = refusal.retry_after.unwrap_or_default().min(LONGEST_WAIT);
        match refusal.status {
            401 => self.stop(StopReason::KeyRefused),
            403 => self.stop(StopReason::Forbidden),
            status => self.retry_no_sooner(Degradation::Refused(status), asked, now),
        }
    }

    fn closed(&mut self, code: Option<u16>, now: Instant) {
        match code {
            Some(4001) => self.stop(StopReason::KeyRefused),
            Some(4003) => self.stop(StopReason::Forbidden),
            Some(4008) => {
                let slow = self.draw(SLOW.ceiling(0) / 2) + SLOW.ceiling(0) / 2;
                self.retry_no_sooner(Degradation::Lost(code), slow, now);
            }
            _ => self.retry(Degradation::Lost(code), now),
        }
    }

    /// The same event would end every connection that resumes before it, so it is left to REST.
    fn oversized(&mut self, now: Instant) {
        self.cursor = None;
        self.gap = Some(GapReason::Oversized);
        self.retry(Degradation::Oversized, now);
    }

    fn frame(&mut self, frame: ServerFrame, now: Instant) {
        let Phase::Open(connection) = &mut self.phase else { return };
        connection.heartbeat.heard(now);
        match frame {
            ServerFrame::Event { body, event_id, envelope } => {
                if let Some(page) = &mut connection.page {
                    page.event(event_id.as_ref(), now);
                }
                self.actions.push(Action::Deliver { body, event_id, envelope });
            }
            ServerFrame::Subscribed { inbox_ids } => {
                let first = connection.confirmed.is_none();
                if let Some(answered) = connection.confirm(&inbox_ids, now) {
                    self.confirmed(first, answered.cursor.is_some());
                }
            }
            ServerFrame::Pong => {
                if let Some(page) = &mut connection.page {
                    page.answered(now);
                }
            }
            ServerFrame::Error { message } => {
                self.actions.push(Action::Report(message));
                self.error_frame(now);
            }
            ServerFrame::Unknown => {}
        }
    }

    fn confirmed(&mut self, first: bool, replays: bool) {
        self.trouble = None;
        let unseen = (first && !replays).then_some(GapReason::NoCursor);
        if let Some(reason) = self.gap.take().or(unseen) {
            self.actions.push(Action::Gap(reason));
        }
    }

    /// An `error` frame says in words alone what it is about, so it is taken for the answer to what is unanswered.
    fn error_frame(&mut self, now: Instant) {
        let Phase::Open(connection) = &mut self.phase else { return };
        match connection.unanswered() {
            Some(unanswered) if unanswered.cursor.is_some() => {
                self.cursor = None;
                self.gap = Some(GapReason::CursorRefused);
                connection.subscribe(None, now);
            }
            Some(_) if connection.confirmed.is_some() => connection.give_up_subscribe(),
            // A confirmation may still follow; until then the connection counts as deaf.
            Some(_) => self.trouble = Some(Degradation::Deaf),
            None => {
                if let Some(page) = &mut connection.page {
                    page.refused(now);
                }
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Waiting { until } if *until <= now => {
                self.phase = Phase::Dialling { by: now + DIAL_WITHIN };
                self.actions.push(Action::Dial);
            }
            Phase::Dialling { by } if *by <= now => self.retry(Degradation::Unreachable, now),
            Phase::Open(connection) if connection.is_deaf(now) => self.retry(Degradation::Deaf, now),
            Phase::Open(connection) if connection.heartbeat.is_lost(now) => {
                self.retry(Degradation::Silent, now)
            }
            Phase::Open(_) => self.tick_connection(now),
            Phase::Waiting { .. } | Phase::Dialling { .. } | Phase::Stopped(_) => {}
        }
    }

    fn tick_connection(&mut self, now: Instant) {
        let Phase::Open(connection) = &mut self.phase else { return };
        connection.ping_if_due(now);
        if let Some(end) = connection.page.as_ref().and_then(|page| page.end(now)) {
            let suspicion = match &end {
                PageEnd::Complete => None,
                PageEnd::Uncertain => Some(GapReason::ReplayUnfinished),
                PageEnd::Full(_) => Some(GapReason::ReplayFull),
            };
            self.actions.extend(suspicion.map(Action::Gap));
            match end {
                PageEnd::Full(next @ Some(_)) => connection.subscribe(next, now),
                _ => connection.page = None,
            }
        }
        if connection.is_resubscribe_due(now) {
            connection.subscribe(None, now);
        }
    }

    fn retry(&mut self, why: Degradation, now: Instant) {
        self.retry_no_sooner(why, Duration::ZERO, now);
    }

    fn retry_no_sooner(&mut self, why: Degradation, least: Duration, now: Instant) {
        match &self.phase {
            Phase::Stopped(_) | Phase::Waiting { .. } => return,
            Phase::Open(connection) => {
                if connection.confirmed.is_some_and(|since| since + STABLE_AFTER <= now) {
                    self.failures = 0;
                }
                // A live event among replayed ones moves the cursor past those that had not come yet.
                if connection.page.as_ref().is_some_and(super::replay::Page::has_begun) {
                    self.gap.get_or_insert(GapReason::ReplayUnfinished);
                }
                self.actions.push(Action::Close);
            }
            Phase::Dialling { .. } => self.actions.push(Action::Close),
        }
        let wait = self.draw(BACKOFF.ceiling(self.failures)).max(least);
        self.failures = self.failures.saturating_add(1);
        self.trouble = Some(why);
        self.phase = Phase::Waiting { until: now + wait };
    }

    fn draw(&self, ceiling: Duration) -> Duration {
        match self.jitter {
            Jitter::Random => Backoff::new(ceiling, ceiling).with_jitter(0),
            #[cfg(test)]
            Jitter::Longest => ceiling,
        }
    }

    fn stop(&mut self, reason: StopReason) {
        if matches!(self.phase, Phase::Stopped(_)) {
            return;
        }
        self.phase = Phase::Stopped(reason);
        self.actions.extend([
            Action::Close,
            Action::State(SocketState::Stopped(reason)),
            Action::Stop(reason),
        ]);
        self.shown = SocketState::Stopped(reason);
    }

    fn on_connection(&mut self, act: impl FnOnce(&mut Connection)) {
        if let Phase::Open(connection) = &mut self.phase {
            act(connection);
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Phase::Open(connection) = &mut self.phase {
            connection.flush(now, &mut self.actions);
        }
    }

    fn show(&mut self) {
        let state = self.state();
        if state != self.shown {
            self.shown = state;
            self.actions.push(Action::State(state));
        }
    }
}

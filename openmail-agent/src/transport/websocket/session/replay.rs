use std::time::{Duration, Instant};

use crate::model::EventId;

/// The most events the service replays for one subscribe.
pub(super) const PAGE: usize = 100;
/// How long the service has to answer the ping that marks the end of a page.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long no event may come before a page counts as ended, in case the pong overtook the last ones.
const QUIET: Duration = Duration::from_millis(250);
/// A stream of live events is never quiet; a page that was answered ends all the same.
const LONGEST: Duration = Duration::from_secs(5);

/// One page of a replay. Nothing in the protocol marks its end, so a ping does: the service answers in order.
#[derive(Debug)]
pub(super) struct Page {
    after: EventId,
    /// It follows another page.
    goes_on: bool,
    count: usize,
    last: Option<EventId>,
    heard: Instant,
    mark: Mark,
    /// Something was refused meanwhile, which may have been the replay.
    refused: bool,
}

#[derive(Debug)]
enum Mark {
    /// The subscribe is not confirmed yet.
    Unsent,
    Sent(Instant),
    Answered(Instant),
}

/// What a page that ended was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageEnd {
    /// All that was missed has come.
    Complete,
    /// There may be more after this event, where there is one to go on from.
    Full(Option<EventId>),
    /// The service did not say.
    Uncertain,
}

impl Page {
    pub(super) fn new(after: EventId, goes_on: bool, now: Instant) -> Self {
        Self { after, goes_on, count: 0, last: None, heard: now, mark: Mark::Unsent, refused: false }
    }

    /// Counts an event. Live ones are counted too, since nothing tells them apart: one page too many costs little.
    pub(super) fn event(&mut self, id: Option<&EventId>, now: Instant) {
        self.count += 1;
        self.heard = now;
        if let Some(id) = id {
            self.last = Some(id.clone());
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.goes_on || self.count > 0
    }

    /// The subscribe was confirmed, and a ping is on its way.
    pub(super) fn marked(&mut self, now: Instant) {
        self.mark = Mark::Sent(now);
    }

    /// The ping was answered, if one was sent.
    pub(super) fn answered(&mut self, now: Instant) {
        if matches!(self.mark, Mark::Sent(_)) {
            self.mark = Mark::Answered(now);
        }
    }

    /// The service refused something, and does not say what: the ping, which is then answered, or the place to resume from,
    /// after it had confirmed the subscription.
    pub(super) fn refused(&mut self, now: Instant) {
        self.refused = true;
        self.answered(now);
    }

    /// What the page was, once it has ended.
    pub(super) fn end(&self, now: Instant) -> Option<PageEnd> {
        if self.deadline()? > now {
            return None;
        }
        let next = self.last.clone().filter(|last| *last != self.after);
        Some(match self.mark {
            _ if self.count >= PAGE => PageEnd::Full(next),
            Mark::Answered(_) if !self.refused => PageEnd::Complete,
            Mark::Unsent | Mark::Sent(_) | Mark::Answered(_) => PageEnd::Uncertain,
        })
    }

    /// When it has to be looked at again, if no frame comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.mark {
            Mark::Unsent => None,
            Mark::Sent(at) => Some((at.max(self.heard) + PATIENCE).min(at + 6 * PATIENCE)),
            Mark::Answered(at) => Some((at.max(self.heard) + QUIET).min(at + LONGEST)),
        }
    }
}

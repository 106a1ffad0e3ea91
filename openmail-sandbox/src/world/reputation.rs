use std::time::Duration;

use jiff::Timestamp;

use super::{Refusal, World, clock::later};
use crate::model::{Inbox, Sent};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What people and their mail servers thought of what was sent.
#[derive(Debug, Default)]
pub(crate) struct Reputation {
    bounces: Vec<Mark>,
    complaints: Vec<Mark>,
}

/// A mail that came back or was reported.
#[derive(Clone, Debug)]
struct Mark {
    inbox_id: String,
    message_id: String,
    at: Timestamp,
}

/// How an inbox stands, by its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Throttled,
    Suspended(&'static str),
}

/// When a rate is judged: over how long, from how many sends on, in thousandths, and from how many marks on.
struct Rule {
    over: Duration,
    sends: usize,
    per_mille: usize,
    marks: usize,
}

const fn rule(over: Duration, sends: usize, per_mille: usize, marks: usize) -> Rule {
    Rule { over, sends, per_mille, marks }
}

const BOUNCES_SUSPEND: [Rule; 2] = [rule(WEEK, 100, 100, 5), rule(DAY, 20, 100, 5)];
const BOUNCES_THROTTLE: [Rule; 1] = [rule(WEEK, 100, 50, 1)];
const COMPLAINTS_SUSPEND: [Rule; 2] = [rule(WEEK, 1000, 3, 3), rule(DAY, 200, 3, 3)];
const COMPLAINTS_THROTTLE: [Rule; 1] = [rule(WEEK, 1000, 1, 1)];

impl World {
    /// A mail comes back for good: its recipient is suppressed, and the inbox's reputation suffers.
    pub(crate) fn bounce(&mut self, message_id: &str, recipient: Option<&str>) -> Result<(), Refusal> {
        let sent = self.sent_as(message_id).cloned().ok_or_else(|| Refusal::not_found("Mail"))?;
        self.suppress(recipient.unwrap_or(&sent.to), "bounce");
        if !self.reputation.bounces.iter().any(|mark| mark.message_id == message_id) {
            let mark = self.mark(&sent);
            self.reputation.bounces.push(mark);
        }
        self.judge(&sent.inbox_id);
        Ok(())
    }

    /// A recipient reports a mail as spam, with the same consequences.
    pub(crate) fn complain(&mut self, message_id: &str) -> Result<(), Refusal> {
        let sent = self.sent_as(message_id).cloned().ok_or_else(|| Refusal::not_found("Mail"))?;
        self.suppress(&sent.to, "complaint");
        if !self.has_complaint(message_id) {
            let mark = self.mark(&sent);
            self.reputation.complaints.push(mark);
        }
        self.judge(&sent.inbox_id);
        Ok(())
    }

    /// How many mails came back or were reported, of all inboxes.
    pub(crate) fn complaints(&self) -> usize {
        self.reputation.bounces.len() + self.reputation.complaints.len()
    }

    pub(crate) fn has_bounced(&self, message_id: &str) -> bool {
        self.reputation.bounces.iter().any(|mark| mark.message_id == message_id)
            || self.sent_as(message_id).is_some_and(|sent| sent.relayed == Some(false))
    }

    pub(crate) fn has_complaint(&self, message_id: &str) -> bool {
        self.reputation.complaints.iter().any(|mark| mark.message_id == message_id)
    }

    /// Whether the inbox has a part of its allowance only, by order or by its own doing.
    pub(crate) fn is_throttled(&self, inbox: &Inbox) -> bool {
        inbox.throttled || self.standing_of(&inbox.id) == Standing::Throttled
    }

    fn mark(&self, sent: &Sent) -> Mark {
        Mark { inbox_id: sent.inbox_id.clone(), message_id: sent.message_id.clone(), at: self.now() }
    }

    /// Throttling passes as the rate falls. A suspension does not: it is announced, and lifted by hand.
    fn judge(&mut self, inbox_id: &str) {
        let suspended = self.inbox(inbox_id).is_none_or(|inbox| inbox.suspended.is_some());
        if let (Standing::Suspended(reason), false) = (self.standing_of(inbox_id), suspended) {
            self.set_inbox_suspension(inbox_id, Some(reason));
        }
    }

    fn standing_of(&self, inbox_id: &str) -> Standing {
        let breaks =
            |rules: &[Rule], marks: &[Mark]| rules.iter().any(|rule| self.breaks(rule, inbox_id, marks));
        let Reputation { bounces, complaints } = &self.reputation;
        if breaks(&BOUNCES_SUSPEND, bounces) {
            Standing::Suspended("high_bounce_rate")
        } else if breaks(&COMPLAINTS_SUSPEND, complaints) {
            Standing::Suspended("high_complaint_rate")
        } else if breaks(&BOUNCES_THROTTLE, bounces) || breaks(&COMPLAINTS_THROTTLE, complaints) {
            Standing::Throttled
        } else {
            Standing::Good
        }
    }

    fn breaks(&self, rule: &Rule, inbox_id: &str, marks: &[Mark]) -> bool {
        let now = self.now();
        let recent = |at: Timestamp| later(at, rule.over) > now;
        let marks = marks.iter().filter(|mark| mark.inbox_id == inbox_id && recent(mark.at)).count();
        if marks < rule.marks {
            return false;
        }
        let sends = self.sent.iter().rev().take_while(|sent| recent(sent.sent_at));
        let sends = sends.filter(|sent| sent.inbox_id == inbox_id).count();
        sends >= rule.sends && marks * 1000 >= sends * rule.per_mille
    }
}

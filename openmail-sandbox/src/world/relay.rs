use std::time::Duration;

use jiff::Timestamp;

use super::{World, clock::later};
use crate::model::{RelayAttempt, RelayOutcome, Sent};

/// What follows the first failure for now, and those after it; the sixth is the last.
const RETRIES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
];

/// A mail that the relay has yet to take, for some of those it is for.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    /// Its place in what was sent.
    sent: usize,
    pub(crate) recipients: Vec<String>,
    attempt: u32,
    due: Timestamp,
}

impl World {
    /// Puts the mail that was sent last in line for the relay, if there is one and somebody outside is to get it.
    pub(crate) fn queue_for_relay(&mut self) {
        let Some(sent) = self.sent.len().checked_sub(1) else { return };
        let recipients = self.recipients_outside(&self.sent[sent]);
        if self.settings.relay.is_some() && !recipients.is_empty() {
            self.relay.push(Handover { sent, recipients, attempt: 1, due: self.now() });
        }
    }

    /// Takes what has been due for longest, and says when something is due next.
    pub(crate) fn take_handover(&mut self) -> (Option<(Handover, Sent)>, Option<Timestamp>) {
        let now = self.now();
        let first = self.relay.iter().enumerate().min_by_key(|(_, handover)| handover.due);
        match first.map(|(at, handover)| (at, handover.due)) {
            Some((at, due)) if due <= now => {
                let handover = self.relay.remove(at);
                let sent = self.sent.get(handover.sent).cloned();
                (sent.map(|sent| (handover, sent)), None)
            }
            next => (None, next.map(|(_, due)| due)),
        }
    }

    /// Notes how a handover ended, and plans what follows from it.
    pub(crate) fn finish_handover(&mut self, handover: &Handover, outcome: RelayOutcome) {
        let now = self.now();
        let wait = RETRIES.get(handover.attempt as usize - 1);
        let next = wait.filter(|_| matches!(outcome, RelayOutcome::Deferred { .. }));
        let next = next.map(|wait| later(now, *wait));
        let split = matches!(outcome, RelayOutcome::Refused { .. }) && handover.recipients.len() > 1;
        if let Some(due) = next {
            let attempt = handover.attempt + 1;
            self.relay.push(Handover { attempt, due, ..handover.clone() });
        } else if split {
            // The server refuses all for the sake of one: each on its own shows whom it will not have.
            self.relay.extend(handover.recipients.iter().map(|one| Handover {
                recipients: vec![one.clone()],
                due: now,
                ..handover.clone()
            }));
        } else if let RelayOutcome::Refused { status } = outcome {
            self.give_back(handover, status);
        }
        let is_over = !self.relay.iter().any(|other| other.sent == handover.sent);
        let Some(sent) = self.sent.get_mut(handover.sent) else { return };
        let (recipients, attempt) = (handover.recipients.clone(), handover.attempt);
        sent.relay_attempts.push(RelayAttempt { recipients, attempt, at: now, outcome, next });
        if outcome == RelayOutcome::Taken {
            sent.relayed = sent.relayed.or(is_over.then_some(true));
        } else if next.is_none() && !split {
            sent.relayed = Some(false);
        }
        self.counts.relay_attempts += 1;
        self.counts.relay_failures += u64::from(outcome != RelayOutcome::Taken);
    }

    /// An address that there is not is suppressed, as the service does with hard bounces.
    fn give_back(&mut self, handover: &Handover, status: Option<u16>) {
        let message_id = self.sent.get(handover.sent).map(|sent| sent.message_id.clone());
        let recipient = handover.recipients.first().filter(|_| matches!(status, Some(550 | 551 | 553)));
        if let Some((message_id, recipient)) = message_id.zip(recipient) {
            // It is a mail of ours, so it is there.
            self.bounce(&message_id, Some(recipient)).ok();
        }
    }

    fn recipients_outside(&self, sent: &Sent) -> Vec<String> {
        let all = [&sent.to].into_iter().chain(&sent.cc);
        all.filter(|address| self.inbox_by_address(address).is_none()).cloned().collect()
    }
}

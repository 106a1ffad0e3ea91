use super::World;
use crate::model::Sent;

impl World {
    /// Puts the mail that was sent last in line for the relay, if there is one and somebody outside is to get it.
    pub(crate) fn queue_for_relay(&mut self) {
        let Some(at) = self.sent.len().checked_sub(1) else { return };
        if self.settings.relay.is_some() && !self.recipients_outside(&self.sent[at]).is_empty() {
            self.relay.push_back(at);
        }
    }

    /// The next mail for the relay, its place, and who is to get it.
    pub(crate) fn next_to_relay(&mut self) -> Option<(usize, Sent, Vec<String>)> {
        let at = self.relay.pop_front()?;
        let sent = self.sent.get(at)?.clone();
        let recipients = self.recipients_outside(&sent);
        Some((at, sent, recipients))
    }

    pub(crate) fn finish_relay(&mut self, at: usize, taken: bool) {
        if let Some(sent) = self.sent.get_mut(at) {
            sent.relayed = Some(taken);
        }
    }

    fn recipients_outside(&self, sent: &Sent) -> Vec<String> {
        let all = [&sent.to].into_iter().chain(&sent.cc);
        all.filter(|address| self.inbox_by_address(address).is_none()).cloned().collect()
    }
}

use super::Sandbox;
use crate::model::{DroppedMail, FilterMode, RuleKind, SenderRule};

impl Sandbox {
    /// Drops mail from an address (`eve@example.com`) or a whole domain (`example.com`) from now on: no message, no event,
    /// and over SMTP no refusal.
    ///
    /// # Panics
    ///
    /// If it is neither an address nor a domain.
    pub fn block_sender(&self, sender: &str) {
        self.add_rule(RuleKind::Block, sender);
    }

    /// Lets mail from an address or a whole domain pass [`FilterMode::Allowlist`]. A block wins over it.
    ///
    /// # Panics
    ///
    /// If it is neither an address nor a domain.
    pub fn allow_sender(&self, sender: &str) {
        self.add_rule(RuleKind::Allow, sender);
    }

    /// Takes back the rules for an address or a domain.
    pub fn remove_sender_rules(&self, sender: &str) {
        self.shared.change(|world| world.senders.remove(sender));
    }

    /// Decides whether everybody may write, or only those who are [allowed](Self::allow_sender).
    pub fn set_filter_mode(&self, mode: FilterMode) {
        self.shared.change(|world| world.senders.mode = mode);
    }

    /// The sender rules, those that block first.
    #[must_use]
    pub fn sender_rules(&self) -> Vec<SenderRule> {
        self.shared.read(|world| world.senders.rules().cloned().collect())
    }

    /// What sender rules kept out, oldest first; the latest 1,000.
    #[must_use]
    pub fn dropped_mails(&self) -> Vec<DroppedMail> {
        self.shared.read(|world| world.senders.dropped().cloned().collect())
    }

    fn add_rule(&self, kind: RuleKind, sender: &str) {
        let valid = self.shared.change(|world| world.senders.add(kind, sender));
        assert!(valid, "a sender rule is for an address or a domain, not for {sender:?}");
    }
}

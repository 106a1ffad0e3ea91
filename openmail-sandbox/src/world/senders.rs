use std::collections::{BTreeSet, VecDeque};

use super::{World, address::bare, is_email};
use crate::model::{DroppedMail, FilterMode, Mail, RuleKind, SenderRule};

/// The oldest go first beyond this.
const REMEMBERED: usize = 1000;

/// Who may write to the account, and who was kept out.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    pub(crate) mode: FilterMode,
    rules: BTreeSet<SenderRule>,
    dropped: VecDeque<DroppedMail>,
}

impl Senders {
    /// Adds a rule, and says whether its sender is an address or a domain at all.
    pub(crate) fn add(&mut self, kind: RuleKind, sender: &str) -> bool {
        let sender = sender.trim().to_lowercase();
        let valid = is_email(&sender) || is_email(&format!("postmaster@{sender}"));
        if valid {
            self.rules.insert(SenderRule::new(kind, sender));
        }
        valid
    }

    pub(crate) fn remove(&mut self, sender: &str) {
        let sender = sender.trim().to_lowercase();
        self.rules.retain(|rule| rule.sender != sender);
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &SenderRule> {
        self.rules.iter()
    }

    pub(crate) fn dropped(&self) -> impl DoubleEndedIterator<Item = &DroppedMail> {
        self.dropped.iter()
    }

    /// Whether a rule of this kind is for the sender, by address or by domain.
    fn names(&self, kind: RuleKind, from: &str) -> bool {
        let address = bare(from);
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
        [address, domain].into_iter().any(|sender| self.rules.contains(&SenderRule::new(kind, sender)))
    }

    /// The block rule wins where both kinds name the sender.
    pub(crate) fn verdict(&self, from: &str) -> Verdict {
        if self.names(RuleKind::Block, from) {
            Verdict::Blocked
        } else if self.mode == FilterMode::Allowlist && !self.names(RuleKind::Allow, from) {
            Verdict::NotAllowed
        } else {
            Verdict::Accepted
        }
    }
}

/// What the rules say to a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Blocked,
    NotAllowed,
}

impl World {
    /// Drops a mail where the rules say so: no message, no event, and nobody is told.
    pub(crate) fn is_dropped(&mut self, mail: &Mail, inbox_ids: &[String]) -> bool {
        let verdict = self.senders.verdict(&mail.from);
        if verdict == Verdict::Accepted {
            return false;
        }
        let at = self.now();
        for inbox_id in inbox_ids {
            if self.senders.dropped.len() == REMEMBERED {
                self.senders.dropped.pop_front();
            }
            self.senders.dropped.push_back(DroppedMail {
                from: mail.from.clone(),
                inbox_id: inbox_id.clone(),
                subject: mail.subject.clone(),
                is_blocked: verdict == Verdict::Blocked,
                at,
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Senders, Verdict};
    use crate::model::{FilterMode, RuleKind};

    #[test]
    fn rules_match_addresses_and_whole_domains_but_no_subdomains() {
        let mut senders = Senders::default();
        assert!(senders.add(RuleKind::Block, " Spam@Example.com "));
        assert!(senders.add(RuleKind::Block, "bad.example"));
        assert!(!senders.add(RuleKind::Block, "no domain"));
        for (from, verdict) in [
            ("SPAM@example.com", Verdict::Blocked),
            ("Spam <spam@example.com>", Verdict::Blocked),
            ("ham@example.com", Verdict::Accepted),
            ("a@bad.example", Verdict::Blocked),
            ("a@mail.bad.example", Verdict::Accepted),
            ("", Verdict::Accepted),
        ] {
            assert_eq!(senders.verdict(from), verdict, "{from}");
        }
        senders.remove("BAD.example");
        assert_eq!(senders.verdict("a@bad.example"), Verdict::Accepted);
    }

    #[test]
    fn on_the_allowlist_everybody_else_is_kept_out_and_a_block_still_wins() {
        let mut senders = Senders { mode: FilterMode::Allowlist, ..Senders::default() };
        senders.add(RuleKind::Allow, "example.com");
        senders.add(RuleKind::Block, "eve@example.com");
        assert_eq!(senders.verdict("ada@example.com"), Verdict::Accepted);
        assert_eq!(senders.verdict("eve@example.com"), Verdict::Blocked);
        assert_eq!(senders.verdict("bob@else.example"), Verdict::NotAllowed);
    }
}

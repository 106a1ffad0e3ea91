use jiff::Timestamp;

/// What a sender rule does with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Mail from the sender is dropped, in either [`FilterMode`].
    Block,
    /// Mail from the sender passes [`FilterMode::Allowlist`].
    Allow,
}

/// A rule for mail from one address, or from every address of one domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SenderRule {
    /// What it does.
    pub kind: RuleKind,
    /// The address or the domain, in lower case.
    pub sender: String,
}

impl SenderRule {
    pub(crate) fn new(kind: RuleKind, sender: impl Into<String>) -> Self {
        Self { kind, sender: sender.into() }
    }
}

/// Who may write to the inboxes of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterMode {
    /// Everybody who is not blocked.
    #[default]
    Everyone,
    /// Those who are allowed, and not blocked.
    Allowlist,
}

/// A mail that a sender rule kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedMail {
    /// The sender as written.
    pub from: String,
    /// The inbox it was for.
    pub inbox_id: String,
    /// The subject, where there was one.
    pub subject: Option<String>,
    /// Whether a rule blocked it; else no rule allowed it.
    pub is_blocked: bool,
    /// When it came, in sandbox time.
    pub at: Timestamp,
}

use jiff::Timestamp;

use super::{ApiKeyId, InboxId, PodId, Secret};

/// Whom a key belongs to, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Me {
    /// The account.
    pub customer_id: Option<String>,
    /// Its plan, such as `free`.
    pub plan: Option<String>,
    /// How far the key reaches.
    pub scope: KeyScope,
}

impl Me {
    /// An account of which only the key's reach is known.
    #[must_use]
    pub fn new(scope: KeyScope) -> Self {
        Self { customer_id: None, plan: None, scope }
    }
}

/// How far an API key reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyScope {
    /// Everything of the account.
    Account,
    /// The inboxes of one pod.
    Pod(PodId),
    /// One inbox: reading from it and sending from it, nothing else.
    Inbox(InboxId),
    /// A reach this version does not know.
    Unknown,
}

/// A scoped API key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKey {
    /// The service's name for it.
    pub id: ApiKeyId,
    /// Your label.
    pub name: Option<String>,
    /// How far it reaches.
    pub scope: KeyScope,
    /// Its first characters, to tell it from others.
    pub token_prefix: Option<String>,
    /// Its last four characters, likewise.
    pub last4: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was last used; `None` = never.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// A key of which only the id and the reach are known.
    #[must_use]
    pub fn new(id: impl Into<ApiKeyId>, scope: KeyScope) -> Self {
        Self {
            id: id.into(),
            name: None,
            scope,
            token_prefix: None,
            last4: None,
            created_at: None,
            last_used_at: None,
        }
    }
}

/// A key that was just made, with the token that is told only once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewApiKey {
    /// The key's facts.
    pub key: ApiKey,
    /// The key itself. Keep it: it is never told again.
    pub token: Secret,
}

impl NewApiKey {
    /// A key and its token.
    #[must_use]
    pub fn new(key: ApiKey, token: Secret) -> Self {
        Self { key, token }
    }
}

/// A group of inboxes, such as one tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pod {
    /// The service's name for it.
    pub id: PodId,
    /// Your own name for it, which the API takes in place of the id.
    pub client_id: Option<String>,
    /// Your label.
    pub name: Option<String>,
    /// Whether it is the account's default pod.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Pod {
    /// A pod of which only the id is known.
    #[must_use]
    pub fn new(id: impl Into<PodId>) -> Self {
        Self { id: id.into(), client_id: None, name: None, is_default: false, created_at: None }
    }
}

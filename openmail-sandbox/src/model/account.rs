use jiff::Timestamp;

/// A mailbox of the sandbox.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inbox {
    /// The inbox's id, opaque.
    pub id: String,
    /// The full email address.
    pub address: String,
    /// The pod the inbox belongs to.
    pub pod_id: String,
    /// The sender name in the `From` header.
    pub display_name: Option<String>,
    /// The customer's own id for it, as events carry it.
    pub external_id: Option<String>,
    /// The inbox's own webhook, which takes the place of the account's.
    pub webhook_url: Option<String>,
    /// The secret its webhook is signed with.
    pub webhook_secret: Option<String>,
    /// Why sending is blocked, where it is.
    pub suspended: Option<String>,
    /// Whether only a quarter of the daily allowance is granted, and half of the new recipients.
    pub throttled: bool,
    /// When the inbox was made, in sandbox time.
    pub created_at: Timestamp,
}

/// An inbox to be made by [`Sandbox::create_inbox_with`](crate::Sandbox::create_inbox_with).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct NewInbox {
    pub(crate) name: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) webhook_url: Option<String>,
}

impl NewInbox {
    /// An inbox whose address begins with `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// An inbox with a random address.
    pub fn random() -> Self {
        Self::default()
    }

    /// Sets the sender name.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets the customer's own id, which events then carry as `external_id`.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Puts the inbox into a pod, given by id or by `clientId`, instead of the default one.
    pub fn pod(mut self, pod: impl Into<String>) -> Self {
        self.pod = Some(pod.into());
        self
    }

    /// Gives the inbox a webhook, and a secret with it.
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.webhook_url = Some(url.into());
        self
    }
}

/// A group of inboxes: a tenant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pod {
    /// The pod's id, opaque.
    pub id: String,
    /// The customer's own id for it.
    pub client_id: Option<String>,
    /// The label shown in the console.
    pub name: Option<String>,
    /// Whether this is the account's default pod.
    pub is_default: bool,
    /// Why sending from the pod's inboxes is blocked, where it is.
    pub suspended: Option<String>,
    /// When the pod was made, in sandbox time.
    pub created_at: Timestamp,
}

/// How far a key reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Everything in the account.
    Account,
    /// The inboxes of the pod with this id.
    Pod(String),
    /// Reading and sending for the inbox with this id, nothing else.
    Inbox(String),
}

/// An API key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Key {
    /// The key's id, by which it is revoked.
    pub id: String,
    /// The secret itself.
    pub token: String,
    /// The label given at creation.
    pub name: Option<String>,
    /// How far it reaches.
    pub scope: Scope,
    /// When it was made, in sandbox time.
    pub created_at: Timestamp,
    /// When it last authenticated a request.
    pub last_used_at: Option<Timestamp>,
}

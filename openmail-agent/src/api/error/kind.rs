use std::fmt;
use std::time::Duration;

/// What went wrong with a call, to decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The key is unknown, revoked or missing (401).
    Unauthorized,
    /// The account's spending limit pauses it (402).
    AccountPaused,
    /// The account is banned (403 `account_banned`).
    AccountBanned,
    /// Sending from the inbox is suspended (403 `reputation_suspended`).
    InboxSuspended,
    /// The account's storage is full (422 `storage_limit_exceeded`).
    StorageFull,
    /// The account's plan does not include what was asked (403 `feature_requires_paid_plan`, 422 at a plan's limit).
    PlanRequired,
    /// The key does not reach what was asked (403).
    Forbidden,
    /// There is no such inbox, thread, message or file (404).
    NotFound,
    /// What was asked collides with what there is (409), such as an address that is taken.
    Conflict,
    /// The idempotency key was used before for another request.
    IdempotencyConflict,
    /// A limit is reached (429). Nothing was sent.
    RateLimited(Limit),
    /// The mail cannot go to this recipient.
    RecipientRefused(Refusal),
    /// The service takes the content for harmful (422 `unsafe_content`, `phishing_detected`).
    ContentRefused,
    /// The request breaks the contract: found here before it left (no status), or by the service (400, 422).
    InvalidRequest,
    /// The service or the provider behind it failed (5xx).
    Server,
    /// The answer is not the service's own: something stands in between, or the base address is wrong.
    Proxy,
    /// A download leads elsewhere, where the runtime does not follow.
    Redirect,
    /// No answer came in time. The request may have been carried out.
    Timeout,
    /// No connection came about: the request never left.
    Connect,
    /// The connection broke while a request or its answer was under way. The request may have been carried out.
    Interrupted,
    /// The answer is the service's, and lacks what it must have.
    Decode,
    /// What was to be read exceeds its cap.
    TooLarge,
    /// What was to be read is large, and so is what others have read: memory has no room for it now.
    NoRoom,
    /// The client's settings do not hold together.
    Configuration,
}

/// Which limit was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Sends of the inbox in a minute or a day, or requests of the account: only the wait tells them apart.
    Rate,
    /// New correspondents in a day.
    #[non_exhaustive]
    ColdOutreach {
        /// Whose limit it is.
        scope: Scope,
        /// How many it allows.
        limit: Option<u64>,
    },
}

/// What a limit or a stop covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The inbox of the call.
    Inbox,
    /// Every inbox of its domain.
    Domain,
    /// The whole account.
    Account,
}

/// Why a mail cannot go to a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Earlier mail bounced, or the recipient complained or unsubscribed: `bounce`, `complaint`, `unsub`.
    Suppressed(Option<String>),
    /// The account may not write to this recipient.
    NotPermitted,
    /// The recipient's domain takes no mail.
    NoMailServer,
}

/// Whether and when the same call may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Again, with the same idempotency key, at a pace of the caller's own.
    Now,
    /// Again once this long has passed.
    After(Duration),
    /// Not before the scope's standing changes: nothing is wrong with the request itself, so it is kept.
    Held(Scope),
    /// Never: the request itself is at fault.
    Never,
}

/// What a 429 without a time is taken to mean: a full minute of the burst limit.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);

/// The longest that a 429 can mean: the day's limit ends at midnight UTC.
const LONGEST_LIMIT: Duration = Duration::from_secs(25 * 60 * 60);

/// The longest that is waited for a service that is down, whatever it says: it may be back much sooner than the page of a
/// gateway in front of it promises.
pub(super) const LONGEST_OUTAGE: Duration = Duration::from_secs(60 * 60);

/// How long to leave alone what there was no room for, though others were waited for already.
const NO_ROOM: Duration = Duration::from_secs(15);

impl ErrorKind {
    pub(super) fn retry(&self, wait: Option<Duration>) -> Retry {
        match self {
            Self::RateLimited(_) => Retry::After(wait.unwrap_or(UNNAMED_WAIT).min(LONGEST_LIMIT)),
            Self::Server | Self::Proxy | Self::Timeout | Self::Connect | Self::Interrupted => {
                wait.map_or(Retry::Now, |wait| Retry::After(wait.min(LONGEST_OUTAGE)))
            }
            Self::NoRoom => Retry::After(NO_ROOM),
            Self::InboxSuspended => Retry::Held(Scope::Inbox),
            Self::Unauthorized | Self::AccountPaused | Self::AccountBanned | Self::StorageFull => {
                Retry::Held(Scope::Account)
            }
            Self::PlanRequired
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::IdempotencyConflict
            | Self::RecipientRefused(_)
            | Self::ContentRefused
            | Self::InvalidRequest
            | Self::Redirect
            | Self::Decode
            | Self::TooLarge
            | Self::Configuration => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unauthorized => "the API key is not accepted",
            Self::AccountPaused => "the account is paused at its spending limit",
            Self::AccountBanned => "the account is banned",
            Self::InboxSuspended => "sending from the inbox is suspended",
            Self::StorageFull => "the account's storage is full",
            Self::PlanRequired => "the account's plan does not include this",
            Self::Forbidden => "the API key does not reach this",
            Self::NotFound => "not found",
            Self::Conflict => "in conflict with what exists",
            Self::IdempotencyConflict => "the idempotency key was used for another request",
            Self::RateLimited(Limit::Rate) => "rate limit reached",
            Self::RateLimited(Limit::ColdOutreach { .. }) => "limit of new correspondents reached",
            Self::RecipientRefused(Refusal::Suppressed(_)) => "the recipient is suppressed",
            Self::RecipientRefused(Refusal::NotPermitted) => "the recipient is not permitted",
            Self::RecipientRefused(Refusal::NoMailServer) => "the recipient's domain takes no mail",
            Self::ContentRefused => "the content is refused as harmful",
            Self::InvalidRequest => "invalid request",
            Self::Server => "the service failed",
            Self::Proxy => {
                "the answer is not the service's own: check the base address and what stands in between"
            }
            Self::Redirect => "redirected where the client does not follow",
            Self::Timeout => "no answer in time",
            Self::Connect => "no connection to the service",
            Self::Interrupted => "the connection broke",
            Self::Decode => "the service's answer cannot be read",
            Self::TooLarge => "larger than allowed",
            Self::NoRoom => "no room in memory for now",
            Self::Configuration => "the client is not set up properly",
        })
    }
}

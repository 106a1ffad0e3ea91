use std::time::Duration;

use super::Operation;

/// Something that goes wrong in production, to be ordered with
/// [`Sandbox::fault`](crate::Sandbox::fault) or [`Sandbox::fault_next`](crate::Sandbox::fault_next).
///
/// Where a fault has `on`, `None` stands for every operation, WebSocket upgrades among them. An outage is
/// [`Fault::LoseRequest`] on every operation, and [`Sandbox::drop_sockets`](crate::Sandbox::drop_sockets).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A WebSocket upgrade is refused with this status.
    RefuseUpgrade {
        /// The status of the answer.
        status: u16,
    },
    /// A new WebSocket dies right after the upgrade, without a close frame.
    CutSocket,
    /// A new WebSocket is closed right after the upgrade.
    CloseSocket {
        /// The close code.
        code: u16,
    },
    /// A subscribe is neither confirmed nor refused, and brings no events.
    DeafSocket,
    /// A subscribe with `last_event_id` is refused with an error frame, and brings no events.
    RefuseCursor,
    /// Open sockets stay open, but nothing is read from them or written to them until this is lifted.
    /// New upgrades are granted and freeze too.
    FreezeSockets,
    /// An event reaches each of its receivers twice.
    DuplicateEvent,
    /// An event is logged, and counts as sent, but reaches nobody.
    LoseEvent,
    /// An event waits until this is lifted.
    HoldEvent,
    /// An event waits until the next one has been sent.
    SwapEvents,
    /// The REST row of a mail stays behind its frame.
    LagRow {
        /// The reads that do not see it yet; none = until [`Sandbox::release_rows`](crate::Sandbox::release_rows).
        reads: Option<u32>,
    },
    /// A recipient is refused over SMTP, for now (4xx) or for good (5xx).
    RefuseMail {
        /// The status of the reply.
        status: u16,
    },
    /// A request is refused with an error of the service.
    Refuse {
        /// The operation concerned.
        on: Option<Operation>,
        /// The status of the answer.
        status: u16,
        /// What stands in `error`.
        code: String,
        /// What stands in `message`.
        message: String,
        /// What stands in `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// A request is answered by a proxy in front of the service, with a page of HTML.
    ProxyError {
        /// The operation concerned.
        on: Option<Operation>,
        /// The status of the answer.
        status: u16,
    },
    /// The connection is cut before the request is obeyed.
    LoseRequest {
        /// The operation concerned.
        on: Option<Operation>,
    },
    /// A request is obeyed, and the connection is cut before the answer. Refused requests do not count.
    LoseAnswer {
        /// The operation concerned.
        on: Option<Operation>,
    },
    /// A request is obeyed, and the answer comes late. Refused requests do not count.
    SlowAnswer {
        /// The operation concerned.
        on: Option<Operation>,
        /// How late, in sandbox time.
        by: Duration,
    },
}

impl Fault {
    /// A send is answered 429, as if a limit had been exceeded.
    #[must_use]
    pub fn send_limited(retry_after: Duration) -> Self {
        Self::Refuse {
            on: Some(Operation::SendEmail),
            status: 429,
            code: "rate_limit_exceeded".into(),
            message: "Rate limit exceeded".into(),
            retry_after: Some(retry_after),
        }
    }

    /// A send is refused with this status and code.
    #[must_use]
    pub fn send_refused(status: u16, code: impl Into<String>) -> Self {
        Self::refuse(Operation::SendEmail, status, code)
    }

    /// An operation is refused with this status and code.
    #[must_use]
    pub fn refuse(on: Operation, status: u16, code: impl Into<String>) -> Self {
        let message = "ordered by the sandbox".into();
        Self::Refuse { on: Some(on), status, code: code.into(), message, retry_after: None }
    }

    /// A send is accepted, and its answer is lost.
    #[must_use]
    pub fn send_answer_lost() -> Self {
        Self::LoseAnswer { on: Some(Operation::SendEmail) }
    }
}

/// An ordered fault, by which it is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(pub(crate) u64);

/// A small way in which a deployment of the service differs from the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Drift {
    /// Answers have `is_read` instead of `isRead`.
    SnakeIsRead,
    /// A send is answered 201 `{id, …}` instead of 200 `{messageId, …}`.
    SendCreated,
    /// Lists stand under the resource's own name instead of `data`.
    NamedLists,
    /// `cc` is one comma-separated string.
    CcText,
    /// `cc` is null where nobody is copied.
    CcNull,
    /// Attachment bytes come at once instead of after a redirect.
    AttachmentInline,
    /// Error codes stand in `code` instead of `error`.
    ErrorInCode,
    /// A replay of more than 100 events brings the newest 100 instead of the oldest.
    ReplayNewest,
    /// Creating an inbox also takes `username` and `externalId`.
    OlderInboxes,
}

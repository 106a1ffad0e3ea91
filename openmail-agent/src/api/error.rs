mod classify;
mod kind;
mod transport;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::model::BoxError;
use crate::wire::row::FailureRow;

pub(crate) use classify::from_answer;
pub use kind::{ErrorKind, Limit, Refusal, Retry, Scope};
pub(super) use transport::{from_decode, from_transport};
pub(crate) use words::presentable;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not do what it was asked.
///
/// `Display` shows the kind and the service's words: at most 500 characters of them, without keys, control characters and
/// whose address it is before the `@`; `Debug` likewise.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    wait: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    /// What went wrong, to decide by.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's code, such as `recipient_suppressed`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's words, or this crate's where the call never left.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The service's name for the request, to ask its support about.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether and when the same call may succeed.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.kind.retry(self.0.wait)
    }

    /// Whether less might have come through: the answer is too large, or it had begun and did not come to its end in time.
    pub(crate) fn is_too_much(&self) -> bool {
        match self.kind() {
            ErrorKind::TooLarge => true,
            ErrorKind::Timeout | ErrorKind::Interrupted => self.status().is_some(),
            _ => false,
        }
    }

    /// An error that arose here, before anything left or after the answer came.
    pub(super) fn local(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self(Box::new(Inner {
            kind,
            status: None,
            code: None,
            message,
            request_id: None,
            wait: None,
            source: None,
        }))
    }

    pub(super) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    fn answered(kind: ErrorKind, status: u16, row: Option<FailureRow>) -> Self {
        let row = row.unwrap_or_default();
        Self(Box::new(Inner {
            kind,
            status: Some(status),
            code: row.code,
            message: row.message.map(|message| presentable(&message)),
            request_id: None,
            wait: None,
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, status, code, message, .. } = &*self.0;
        kind.fmt(f)?;
        match (status, code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})")?,
            (Some(status), None) => write!(f, " ({status})")?,
            (None, _) => {}
        }
        match message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

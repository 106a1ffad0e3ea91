use std::fmt;

use crate::api::{self, ErrorKind, Retry};
use crate::model::Error;
use crate::store::StoreError;

/// Why an inbox could not be caught up with.
pub(super) type CatchUpError = Error<CatchUpErrorKind>;

/// What went wrong, to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUpErrorKind {
    /// The list could not be read; the verdict is the service's.
    Service(Retry),
    /// The inbox is not there any more.
    NotFound,
    /// The store did not take what was found, or does not tell where it stopped.
    Store,
    /// The list does not come to an end.
    Endless,
}

impl CatchUpErrorKind {
    /// Whether and when the same may succeed.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::Service(retry) => retry,
            Self::Store => Retry::Now,
            Self::NotFound | Self::Endless => Retry::Never,
        }
    }
}

impl fmt::Display for CatchUpErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service(_) => "the inbox's mail cannot be listed",
            Self::NotFound => "there is no such inbox any more",
            Self::Store => "the store does not take what was found",
            Self::Endless => "the list of the inbox's mail does not come to an end",
        })
    }
}

impl From<api::Error> for CatchUpError {
    fn from(error: api::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => CatchUpErrorKind::NotFound,
            _ => CatchUpErrorKind::Service(error.retry()),
        };
        Self::because(kind, error)
    }
}

impl From<StoreError> for CatchUpError {
    fn from(error: StoreError) -> Self {
        Self::because(CatchUpErrorKind::Store, error)
    }
}

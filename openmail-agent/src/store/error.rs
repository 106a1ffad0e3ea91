use std::fmt;

use crate::model::Error;

/// Why a store did not do what it was asked.
pub type StoreError = Error<StoreErrorKind>;

/// The result of a store's verb.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What went wrong, to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Somebody else has the event now, or it was settled already. What was to be settled was not.
    LeaseLost,
    /// The store cannot be reached or written at the moment: disk full, locked, connection gone. Try again.
    Unavailable,
    /// What is in the store cannot be read, since another version wrote it or the file is damaged; or what was given cannot be kept.
    Corrupt,
    /// What the store was to be opened with cannot be used: correct it.
    Configuration,
    /// Another process owns the store.
    Occupied,
    /// The store was closed.
    Closed,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeaseLost => "the lease on the event was lost",
            Self::Unavailable => "the store cannot be written or reached at the moment",
            Self::Corrupt => "the store cannot be read: it is damaged or was written by another version",
            Self::Configuration => "its settings cannot be used",
            Self::Occupied => "another process owns the store: stop it, or give this one a store of its own",
            Self::Closed => "the store is closed",
        })
    }
}

impl Error<StoreErrorKind> {
    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), StoreErrorKind::Unavailable)
    }
}

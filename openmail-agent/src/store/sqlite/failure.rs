use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::{StoreError, StoreErrorKind};

/// Why a transaction came to nothing, for every verb that was in it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    kind: StoreErrorKind,
    reason: Arc<str>,
    /// Whether it is one verb's, and no fault of the others.
    is_of_one: bool,
}

impl Failure {
    /// What spoils the transaction; `None` for a refusal, which has changed nothing.
    pub(super) fn spoiling(error: &StoreError) -> Option<Self> {
        let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        match error.kind() {
            StoreErrorKind::LeaseLost => None,
            kind => Some(Self { kind: *kind, reason: reason.into(), is_of_one: true }),
        }
    }

    /// The same as one whose verb did nothing wrong is told of it: what cannot be read is another's, and trying again may help.
    pub(super) fn of_another(self) -> Self {
        let is_theirs = self.is_of_one && self.kind == StoreErrorKind::Corrupt;
        Self { kind: if is_theirs { StoreErrorKind::Unavailable } else { self.kind }, ..self }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self { kind: kind_of(&error), reason: error.to_string().into(), is_of_one: false }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::because(failure.kind, failure.reason.as_ref())
    }
}

/// An error of SQLite as a store's error.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::because(kind_of(&error), error)
}

fn kind_of(error: &rusqlite::Error) -> StoreErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
        Some(_) => StoreErrorKind::Unavailable,
        // Not SQLite but a value of the wrong type, or a row that is gone.
        None => StoreErrorKind::Corrupt,
    }
}

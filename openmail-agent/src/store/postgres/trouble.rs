use std::error::Error as _;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{WasNull, WrongType};

use crate::model::BoxError;
use crate::store::{StoreError, StoreErrorKind};

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The verb itself said no.
    Refused(StoreError),
    /// Another transaction came in between in a way that only this verb can see: run it again.
    Overtaken,
    /// The database said no, or could not be asked.
    Database(Error),
    /// There was no connection to be had.
    Pool(PoolError),
    /// The database says nothing.
    Silent,
}

impl Trouble {
    /// What is in the database cannot be read.
    pub(super) fn corrupt(source: impl Into<BoxError>) -> Self {
        Self::Refused(StoreError::because(StoreErrorKind::Corrupt, source))
    }

    pub(super) fn lease_lost() -> Self {
        Self::Refused(StoreErrorKind::LeaseLost.into())
    }

    /// Whether the same transaction may succeed at once, since all that was wrong was another one at the same time.
    pub(super) fn is_conflict(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(error) => error.code().is_some_and(|code| {
                [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::UNIQUE_VIOLATION,
                    SqlState::FOREIGN_KEY_VIOLATION,
                ]
                .contains(code)
            }),
            Self::Refused(_) | Self::Pool(_) | Self::Silent => false,
        }
    }

    /// Whether no connection came about.
    pub(super) fn is_unconnected(&self) -> bool {
        matches!(
            self,
            Self::Pool(
                PoolError::Backend(_)
                    | PoolError::PostCreateHook(_)
                    | PoolError::Timeout(TimeoutType::Create)
            )
        )
    }

    /// Whether something is there already, or no more: another process may have been making or dropping it just now.
    pub(super) fn is_of_schema(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.code().is_some_and(|code| {
            [
                SqlState::DUPLICATE_TABLE,
                SqlState::DUPLICATE_COLUMN,
                SqlState::DUPLICATE_OBJECT,
                SqlState::UNDEFINED_TABLE,
                SqlState::UNDEFINED_COLUMN,
                SqlState::UNDEFINED_OBJECT,
            ]
            .contains(code)
        })
    }

    /// Whether it may be the fault of what was asked: the server stands, and might do something else.
    pub(super) fn is_of_call(&self) -> bool {
        match self {
            Self::Refused(error) => !error.is_transient(),
            Self::Database(error) => {
                kind_of(error) == StoreErrorKind::Corrupt || is_failure_of_statement(error)
            }
            Self::Overtaken | Self::Pool(_) | Self::Silent => false,
        }
    }

    /// Whether another connection may do better, and this one never will: it is silent; or it is alive, and leads to a server that may
    /// only be read, or holds statements that the server does not know, or knows otherwise. Of statements that travel
    /// together, one behind may be all that is heard of.
    pub(super) fn is_of_connection(&self) -> bool {
        let Self::Database(error) = self else { return matches!(self, Self::Silent) };
        error.code().is_some_and(|code| {
            [
                SqlState::READ_ONLY_SQL_TRANSACTION,
                SqlState::IN_FAILED_SQL_TRANSACTION,
                SqlState::INVALID_SQL_STATEMENT_NAME,
                SqlState::FEATURE_NOT_SUPPORTED,
            ]
            .contains(code)
        })
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(error) => error,
            Trouble::Overtaken => {
                Self::because(StoreErrorKind::Unavailable, "other processes came in between again and again")
            }
            Trouble::Database(error) => Self::because(kind_of(&error), told(&error)),
            // Whoever could not connect has read nothing, whatever the reason is called: poolers have codes of their own.
            Trouble::Pool(PoolError::Backend(error)) => {
                Self::because(StoreErrorKind::Unavailable, told(&error))
            }
            Trouble::Pool(PoolError::Closed) => StoreErrorKind::Closed.into(),
            Trouble::Pool(PoolError::Timeout(_)) => {
                Self::because(StoreErrorKind::Unavailable, "no connection to the database was free in time")
            }
            Trouble::Pool(error) => Self::because(StoreErrorKind::Unavailable, error),
            Trouble::Silent => Self::because(
                StoreErrorKind::Unavailable,
                "the database did not answer, over a connection that stands",
            ),
        }
    }
}

/// A value that has the wrong type, a table that is missing: another program's, or another version's. Of internal errors, two
/// tell of damage; the others pass, or have to do with one statement.
fn kind_of(error: &Error) -> StoreErrorKind {
    match error.code() {
        Some(code) if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => {
            StoreErrorKind::Corrupt
        }
        Some(code) if matches!(code.code().get(..2), Some("42" | "22")) => StoreErrorKind::Corrupt,
        None if error.source().is_some_and(|source| source.is::<WrongType>() || source.is::<WasNull>()) => {
            StoreErrorKind::Corrupt
        }
        _ => StoreErrorKind::Unavailable,
    }
}

/// The server could not do it, as where a value is too large for it, and goes on with the next.
fn is_failure_of_statement(error: &Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        *said.code() == SqlState::INTERNAL_ERROR
            && said.parsed_severity().is_none_or(|severity| severity == Severity::Error)
    })
}

/// What the server said, without the values it said it about: those may be mail.
fn told(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

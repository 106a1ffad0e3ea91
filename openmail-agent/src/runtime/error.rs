use std::fmt;

use crate::model::Error;
use crate::transport::websocket::StopReason;

/// Everything that keeps the runtime from starting, together.
pub struct StartError {
    problems: Vec<String>,
}

impl StartError {
    pub(super) fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }

    /// What is wrong, each with what to do.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// A line for each problem.
impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the agent cannot start:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

/// As `Display`, since a `main` that boxes its errors prints them this way.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}

/// What is wrong with the text of a setting, and what to write instead.
///
/// ```
/// use openmail_agent::runtime::{SettingError, StoreLocation};
///
/// fn store(text: &str) -> Result<StoreLocation, Box<dyn std::error::Error>> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(store("sqlite:agent.db")?, StoreLocation::default());
/// assert!(store("somewhere").unwrap_err().is::<SettingError>());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError(String);

impl SettingError {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

/// Why a running runtime ended.
pub type RuntimeError = Error<RuntimeErrorKind>;

/// What ended it, to decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeErrorKind {
    /// The service refuses the key or the socket for good, and there is no webhook to go on with.
    SocketRefused(StopReason),
    /// The store cannot be used any more: it is damaged, or somebody else owns it now.
    Store,
    /// It was told to stop, so that what is waited for will not come.
    Stopped,
    /// A part of the runtime itself failed.
    Internal(&'static str),
}

impl fmt::Display for RuntimeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SocketRefused(reason) => write!(f, "no mail can come in: {reason}"),
            Self::Store => f.write_str("the store cannot be used any more"),
            Self::Stopped => f.write_str("the agent was told to stop"),
            Self::Internal(part) => {
                write!(f, "the {part} ended unexpectedly, which is a fault of this crate")
            }
        }
    }
}

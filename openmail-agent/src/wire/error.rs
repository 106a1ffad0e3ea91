use std::fmt;

use crate::model::Error;

/// Why bytes could not be read as what they should be.
///
/// Shows where and what, never the content.
pub type DecodeError = Error<DecodeErrorKind>;

/// What was wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Not JSON, cut short, or nested beyond reason.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// JSON, but not of the expected shape.
    Shape,
    /// An essential field is absent, null, empty or of another type.
    Missing(&'static str),
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => write!(f, "not valid JSON at line {line}, column {column}"),
            Self::Shape => f.write_str("JSON of an unexpected shape"),
            Self::Missing(field) => write!(f, "`{field}` is missing"),
        }
    }
}

/// The source is left out: serde's messages quote what they could not read.
impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::new(DecodeErrorKind::Shape),
            _ => Self::new(DecodeErrorKind::Syntax { line: error.line(), column: error.column() }),
        }
    }
}

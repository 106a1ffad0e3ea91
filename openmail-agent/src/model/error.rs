use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A boxed error from below.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// An error of one floor: a kind to decide by, and what caused it.
///
/// `Display` shows the kind; the cause is its [`source`](StdError::source), which clones share.
#[derive(Debug, Clone)]
pub struct Error<K> {
    kind: K,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl<K> Error<K> {
    /// An error of this kind without a deeper cause.
    pub fn new(kind: K) -> Self {
        Self { kind, source: None }
    }

    /// An error of this kind, with what caused it.
    pub fn because(kind: K, source: impl Into<BoxError>) -> Self {
        Self { kind, source: Some(source.into().into()) }
    }

    /// What went wrong, to decide by.
    pub fn kind(&self) -> &K {
        &self.kind
    }
}

impl<K> From<K> for Error<K> {
    fn from(kind: K) -> Self {
        Self::new(kind)
    }
}

impl<K: fmt::Display> fmt::Display for Error<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl<K: fmt::Display + fmt::Debug> StdError for Error<K> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

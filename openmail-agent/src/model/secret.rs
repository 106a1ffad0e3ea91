use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A key or signing secret: kept out of `Debug` and `Display`, compared in constant time.
///
/// ```
/// # use openmail_agent::model::Secret;
/// let key = Secret::new("om_live_4f1c");
/// assert_eq!(format!("{key:?}"), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a secret, without the white space that copying tends to leave around it.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().into())
    }

    /// The secret itself, for a header or a signature and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(&secret)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Declares an opaque identifier: cheap to clone, compared byte by byte, never parsed.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Opaque: the service gives no promise about its form, so it is compared and passed on, never taken apart.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps an identifier as the service gave it.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<$name> for Arc<str> {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }
    };
}

id! {
    /// Names an inbox, such as `inb_8f3a`.
    InboxId
}
id! {
    /// Names a conversation, such as `thr_9d4e`.
    ThreadId
}
id! {
    /// Names one mail, such as `msg_4c8d`: the same under whichever event it arrives.
    MessageId
}
id! {
    /// Names one delivery of news, such as `evt_7f2a`: stable across the service's retries of it.
    EventId
}
id! {
    /// Names a pod, the service's group of inboxes, such as one tenant's.
    PodId
}
id! {
    /// Names an API key, without being one.
    ApiKeyId
}
id! {
    /// Your own name for an inbox, where the account gave it one.
    ExternalId
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use reqwest::{RequestBuilder, Response, Url};

use super::budget::Budget;
use super::builder::is_loopback;
use super::error::from_transport;
use super::room::Space;
use super::{ClientBuilder, Result};
use crate::model::Secret;

/// The [service](Client::service) where it is on the same machine.
pub(crate) const THIS_MACHINE: &str = "this machine";

/// Speaks to the service's REST API with one key.
///
/// Cheap to clone: clones share their connections, and the budget of requests a minute. Another client has another budget: beside a
/// runtime, give each its part by [`requests_per_minute`](ClientBuilder::requests_per_minute). Follows no redirect by itself.
///
/// ```no_run
/// # use openmail_agent::api::Client;
/// # use openmail_agent::model::Secret;
/// # async fn example() -> Result<(), openmail_agent::api::Error> {
/// let client = Client::builder(Secret::new("om_live_4f1c")).build()?;
/// for inbox in client.all_inboxes().await? {
///     println!("{}", inbox.id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every call may fail with [`Unauthorized`](super::ErrorKind::Unauthorized) and [`Forbidden`](super::ErrorKind::Forbidden), since a
/// key reaches only so far; [`RateLimited`](super::ErrorKind::RateLimited); [`Server`](super::ErrorKind::Server) and
/// [`Proxy`](super::ErrorKind::Proxy) by what answers;
/// [`Connect`](super::ErrorKind::Connect), [`Timeout`](super::ErrorKind::Timeout) and [`Interrupted`](super::ErrorKind::Interrupted) by
/// what lies between; [`Decode`](super::ErrorKind::Decode) and [`TooLarge`](super::ErrorKind::TooLarge) by the answer. The other kinds
/// are named where they occur. [`Error::retry`](super::Error::retry) says whether to try again.
///
/// # Cancel safety
///
/// When the future of a call that changes something is dropped, the service may have carried it out. A secret or a key that was made
/// then is never told again: make another, and delete that one.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) authorization: HeaderValue,
    pub(super) timeout: Duration,
    pub(super) budget: Budget,
    pub(super) space: Space,
    #[cfg(any(test, feature = "testing"))]
    pub(super) stand_in: Option<super::StandIn>,
}

impl Client {
    /// Begins a client that uses this key.
    #[must_use]
    pub fn builder(key: impl Into<Secret>) -> ClientBuilder {
        ClientBuilder::new(key.into())
    }

    /// The address calls go to.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.0.base.as_str()
    }

    /// Which service that is, however its address is written: its origin, and for all on this machine the same, since a sandbox
    /// has another port each time.
    pub(crate) fn service(&self) -> String {
        let base = &self.0.base;
        if is_loopback(base) { THIS_MACHINE.to_owned() } else { base.origin().ascii_serialization() }
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// One request to one host.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        #[cfg(any(test, feature = "testing"))]
        if let Some(stand_in) = &self.stand_in {
            return super::stand_in::answer(stand_in, request);
        }
        request.send().await.map_err(from_transport)
    }
}

/// The key stays out of `Debug`.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.0.base.as_str()).finish_non_exhaustive()
    }
}

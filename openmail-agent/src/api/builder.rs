use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use reqwest::Url;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use super::budget::Budget;
use super::client::Inner;
use super::room::Space;
use super::{Client, Error, ErrorKind, Result, tls};
use crate::model::Secret;

/// Where the service is.
pub const DEFAULT_BASE_URL: &str = "https://api.openmail.sh";
/// The requests a minute that the service allows a whole account.
const ACCOUNT_CEILING: u32 = 1_000;

const AGENT: &str = concat!("openmail-agent/", env!("CARGO_PKG_VERSION"));

/// Settings of a [`Client`].
#[derive(Debug)]
pub struct ClientBuilder {
    key: Secret,
    base: Url,
    timeout: Duration,
    plain_http: bool,
    per_minute: u32,
    tls: Option<Arc<ClientConfig>>,
    #[cfg(any(test, feature = "testing"))]
    stand_in: Option<super::StandIn>,
}

impl ClientBuilder {
    pub(super) fn new(key: Secret) -> Self {
        let base = Url::parse(DEFAULT_BASE_URL).expect("the default address is well-formed");
        Self {
            key,
            base,
            timeout: Duration::from_secs(30),
            plain_http: false,
            per_minute: ACCOUNT_CEILING,
            tls: None,
            #[cfg(any(test, feature = "testing"))]
            stand_in: None,
        }
    }

    /// Speaks to another deployment than [`DEFAULT_BASE_URL`]; a path in it is put before every call's.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) when it is no `http` or `https` address, or has a user, a query or
    /// a fragment in it.
    pub fn base_url(mut self, base: &str) -> Result<Self> {
        let url = Url::parse(base.trim()).map_err(|error| {
            misconfigured("the base address is not a URL, such as `https://api.openmail.sh`").because(error)
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(misconfigured(
                "the base address must start with `https://`, or `http://` on this machine",
            ));
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(misconfigured("the base address must have no user, query or fragment in it"));
        }
        self.base = url;
        Ok(self)
    }

    /// How long one attempt may take from first to last byte; 30 seconds unless told. Files get more, by their size.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the key travel unencrypted to another machine, such as a sandbox in the next container.
    #[must_use]
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Makes at most this many requests in any minute and waits where there would be more; 1,000 unless told, which is what
    /// the service allows an account. Where others use the account too, leave them their part.
    #[must_use]
    pub fn requests_per_minute(mut self, most: u32) -> Self {
        self.per_minute = most;
        self
    }

    /// Uses this TLS configuration instead of the [usual](tls::client_config).
    #[must_use]
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Leaves the network alone: every request is answered by this.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn answered_by(mut self, stand_in: super::StandIn) -> Self {
        self.stand_in = Some(stand_in);
        self.tls = tls::distrusting_config().ok();
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) when the key is empty or cannot be a header, when it would travel
    /// unencrypted to another machine, or when the system has no certificates to trust.
    pub fn build(self) -> Result<Client> {
        let local = is_loopback(&self.base);
        if self.base.scheme() == "http" && !local && !self.plain_http {
            return Err(misconfigured(
                "the API key would travel unencrypted: use `https://`, or allow plain HTTP on purpose, by OPENMAIL_ALLOW_PLAIN_HTTP=1 or `allow_plain_http`",
            ));
        }
        let authorization = self.authorization()?;
        let tls = self.tls_config()?;
        let mut http = reqwest::Client::builder()
            .user_agent(AGENT)
            .redirect(Policy::none())
            .connect_timeout(self.timeout.min(Duration::from_secs(10)))
            .tls_backend_preconfigured(tls);
        if local {
            http = http.no_proxy();
        }
        let http =
            http.build().map_err(|error| misconfigured("the HTTP client cannot be set up").because(error))?;
        let budget = Budget::new(self.per_minute);
        Ok(Client::from_inner(Inner {
            http,
            base: self.base,
            authorization,
            timeout: self.timeout,
            budget,
            space: Space::new(),
            #[cfg(any(test, feature = "testing"))]
            stand_in: self.stand_in,
        }))
    }

    fn authorization(&self) -> Result<HeaderValue> {
        let key = self.key.expose();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(misconfigured(
                "the API key is empty, or has white space or other characters no key has",
            ));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| misconfigured("the API key has characters no key has"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn tls_config(&self) -> Result<ClientConfig> {
        let config = match &self.tls {
            Some(config) => config.clone(),
            // Without a single trusted certificate, as in a bare container, the machine itself can still be spoken to.
            None if self.base.scheme() == "http" => {
                tls::client_config().or_else(|_| tls::distrusting_config())?
            }
            None => tls::client_config()?,
        };
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn misconfigured(message: &str) -> Error {
    Error::local(ErrorKind::Configuration, message)
}

/// Whether this names the machine itself, where a proxy for the world outside has no business.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.is_ok_and(|ip| ip.is_loopback()) || host == "localhost" || host.ends_with(".localhost")
}

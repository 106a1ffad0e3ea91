use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::api::is_loopback;
use crate::model::{BoxError, Error, InboxId, Secret};

/// How to reach the service, and what to hear from it.
///
/// Where the environment names a proxy for the service (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, less `NO_PROXY`), the socket goes through
/// it, by `CONNECT`; for a service on this machine no proxy is asked.
#[derive(Debug, Clone)]
pub(crate) struct WebSocketConfig {
    /// The service's base address, as for REST: `https://api.openmail.sh`.
    pub base_url: String,
    /// The key. It travels in a header, never in the address.
    pub key: Secret,
    /// Whether the key may travel unencrypted to another machine.
    pub allow_plain_http: bool,
    /// The only inbox to hear of; `None` = every inbox the key may see.
    pub only: Option<InboxId>,
    /// The name of the bookmark that keeps the place in the stream; one for each key in use.
    pub bookmark: String,
}

impl WebSocketConfig {
    /// Everything this key may see.
    pub(crate) fn new(base_url: impl Into<String>, key: Secret) -> Self {
        Self {
            base_url: base_url.into(),
            key,
            allow_plain_http: false,
            only: None,
            bookmark: "websocket".into(),
        }
    }

    /// The request that asks for the upgrade.
    pub(super) fn request(&self) -> Result<Request<()>, ConfigError> {
        let url = socket_url(&self.base_url).ok_or(ConfigErrorKind::BaseUrl)?;
        if url.scheme() == "ws" && !is_loopback(&url) && !self.allow_plain_http {
            return Err(ConfigErrorKind::PlainHttp.into());
        }
        let mut request = url
            .as_str()
            .into_client_request()
            .map_err(|error| ConfigError::because(ConfigErrorKind::BaseUrl, error))?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", self.key.expose()))
            .map_err(|_| ConfigErrorKind::Key)?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let agent = concat!("openmail-agent/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        Ok(request)
    }

    /// The proxy that the environment names for the service, as for REST.
    pub(super) fn proxy(&self) -> Option<Intercept> {
        let mut url = socket_url(&self.base_url).filter(|url| !is_loopback(url))?;
        let scheme = if url.scheme() == "wss" { "https" } else { "http" };
        url.set_scheme(scheme).ok()?;
        Matcher::from_system().intercept(&url.as_str().parse().ok()?)
    }

    /// How TLS is spoken, where it is spoken at all: as the [REST client](crate::api::tls) does.
    pub(super) fn tls(
        &self,
        request: &Request<()>,
    ) -> Result<Option<Arc<rustls::ClientConfig>>, ConfigError> {
        if request.uri().scheme_str() != Some("wss") {
            return Ok(None);
        }
        match crate::api::tls::client_config() {
            Ok(tls) => Ok(Some(tls)),
            Err(error) => Err(ConfigError::because(ConfigErrorKind::Tls, BoxError::from(error))),
        }
    }
}

fn socket_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base.trim()).ok()?;
    let scheme = match url.scheme() {
        "https" | "wss" => "wss",
        "http" | "ws" => "ws",
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    url.host_str()?;
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "ws"]);
    Some(url)
}

/// Why the socket cannot be set up.
pub(super) type ConfigError = Error<ConfigErrorKind>;

/// Which setting is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigErrorKind {
    /// The base address.
    BaseUrl,
    /// The base address is of another machine, to which the key would travel unencrypted.
    PlainHttp,
    /// The key.
    Key,
    /// The TLS configuration.
    Tls,
}

impl fmt::Display for ConfigErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BaseUrl => "the base address must be an `https` address, such as `https://api.openmail.sh`",
            Self::PlainHttp => {
                "the API key would travel unencrypted: use `https://`, or allow plain HTTP on purpose, by `allow_plain_http`"
            }
            Self::Key => "the API key has characters no key has: copy it again",
            Self::Tls => "TLS cannot be set up",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str) -> WebSocketConfig {
        WebSocketConfig::new(base_url, Secret::new("om_key"))
    }

    #[test]
    fn the_address_is_derived_and_the_key_stays_out_of_it() {
        for (base, expected) in [
            ("https://api.openmail.sh", "wss://api.openmail.sh/v1/ws"),
            ("https://api.openmail.sh/", "wss://api.openmail.sh/v1/ws"),
            ("http://127.0.0.1:8025", "ws://127.0.0.1:8025/v1/ws"),
            ("http://[::1]:8025/mail?x=1", "ws://[::1]:8025/mail/v1/ws"),
        ] {
            let request = config(base).request().unwrap();
            assert_eq!(request.uri(), expected);
            assert_eq!(request.headers()[AUTHORIZATION], "Bearer om_key");
            assert!(!format!("{request:?}").contains("om_key"));
        }
    }

    #[test]
    fn the_key_travels_unencrypted_on_this_machine_only_unless_that_is_allowed() {
        for base in ["http://sandbox:8025", "ws://api.openmail.sh", "http://0.0.0.0:8025"] {
            let mut config = config(base);
            assert_eq!(*config.request().unwrap_err().kind(), ConfigErrorKind::PlainHttp, "{base}");
            config.allow_plain_http = true;
            assert!(config.request().is_ok(), "{base}");
        }
        for base in ["ws://localhost:8025", "http://agent.localhost", "wss://sandbox"] {
            assert!(config(base).request().is_ok(), "{base}");
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for base in ["", "api.openmail.sh", "ftp://api.openmail.sh", "https://"] {
            let error = config(base).request().unwrap_err();
            assert_eq!(*error.kind(), ConfigErrorKind::BaseUrl, "{base}");
        }
        let pasted = WebSocketConfig::new("http://localhost", Secret::new("a\nb"));
        let error = pasted.request().unwrap_err();
        assert_eq!(*error.kind(), ConfigErrorKind::Key);
    }
}

use std::net::IpAddr;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

use crate::world::Refusal;

/// Keeps web pages of others out: they reach this port through the browser of whoever runs the sandbox.
pub(crate) async fn pass(request: Request, next: Next) -> Response {
    let navigates_to_page = !request.uri().path().starts_with("/sandbox/");
    match check(request.headers(), navigates_to_page) {
        Ok(()) => next.run(request).await,
        Err(why) => Refusal::new(403, "forbidden", why).into_response(),
    }
}

fn check(headers: &HeaderMap, may_be_linked: bool) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    if !is_local(host) {
        return Err("open the sandbox under an IP address, localhost or a name without a dot");
    }
    if let Some(origin) = text(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, of)| of != host)
    {
        return Err("pages of another origin may not use the sandbox");
    }
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) if may_be_linked => Ok(()),
        Some(_) => Err("pages of another site may not use the sandbox"),
    }
}

/// Whether no one else can have made this name point here: rebinding needs a name in the public DNS.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    let reserved = [".localhost", ".internal", ".test"].iter().any(|end| name.ends_with(end));
    name.parse::<IpAddr>().is_ok() || (!name.is_empty() && !name.contains('.')) || reserved
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{check, is_local};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_that_nobody_else_can_point_here_are_local() {
        for host in [
            "127.0.0.1:8025",
            "[::1]:8025",
            "localhost:8025",
            "sandbox:8025",
            "192.168.1.7",
            "host.docker.internal",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "rebind.example.com:8025", "127.0.0.1.nip.io", "example.com"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn pages_of_others_are_kept_out() {
        let host = ("host", "127.0.0.1:8025");
        assert!(check(&headers(&[host]), false).is_ok());
        assert!(
            check(
                &headers(&[host, ("origin", "http://127.0.0.1:8025"), ("sec-fetch-site", "same-origin")]),
                false
            )
            .is_ok()
        );
        for hostile in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(check(&headers(&[host, hostile]), false).is_err(), "{hostile:?}");
        }
        assert!(check(&headers(&[host, ("sec-fetch-site", "cross-site")]), true).is_ok());
    }
}

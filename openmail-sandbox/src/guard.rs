use std::net::IpAddr;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse,
};
use http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

use crate::world::Refusal;

/// Keeps web pages of others out: they reach this port through the browser of whoever runs the sandbox.
///
/// A browser tells of another origin in `Origin`, as with every socket, or in `Sec-Fetch-Site`. A page whose name was made to
/// point here after it had loaded is of the same origin to the browser, which then leaves out both where it only
/// reads: `Sec-Fetch-Site` goes to addresses that no network can forge, and such a name is none. What gives that page away is
/// the name alone.
pub(crate) fn before(router: Router, is_key_public: bool) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        match check(request.headers(), Part::of(request.uri().path()), is_key_public) {
            Ok(()) => next.run(request).await,
            Err(why) => Refusal::forbidden(why).into_response(),
        }
    }))
}

/// What a request is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Page,
    Control,
    Service,
}

impl Part {
    fn of(path: &str) -> Self {
        match path {
            "/" => Self::Page,
            _ if path.starts_with("/page/") => Self::Page,
            _ if path.starts_with("/sandbox/") => Self::Control,
            _ => Self::Service,
        }
    }
}

fn check(headers: &HeaderMap, part: Part, is_key_public: bool) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    match part {
        _ if is_local(host) => {}
        // Agents may know this machine by any name, and a page that has to know the key as well gets nowhere.
        Part::Service if !is_key_public => {}
        Part::Service => {
            return Err(
                "every web page knows the key that the sandbox has by default: set OPENMAIL_SANDBOX_KEY to another, or reach the sandbox under an IP address, localhost, a name without a dot, or one that ends in .local, .internal or .test",
            );
        }
        Part::Page | Part::Control => {
            return Err(
                "open the sandbox under an IP address, localhost, a name without a dot, or one that ends in .local, .internal or .test",
            );
        }
    }
    if let Some(origin) = text(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, of)| of != host)
    {
        return Err("pages of another origin may not use the sandbox");
    }
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        // A link to the page may be anywhere.
        Some(_) if part == Part::Page => Ok(()),
        Some(_) => Err("pages of another site may not use the sandbox"),
    }
}

/// Whether nobody beyond the local network can have made this name point here: rebinding from elsewhere needs a name in the public DNS.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    let reserved = [".localhost", ".local", ".internal", ".test"].iter().any(|end| name.ends_with(end));
    name.parse::<IpAddr>().is_ok() || (!name.is_empty() && !name.contains('.')) || reserved
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Part, check, is_local};

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
            "sandbox.mail.svc.cluster.local:8025",
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
        let own = [host, ("origin", "http://127.0.0.1:8025"), ("sec-fetch-site", "same-origin")];
        for part in [Part::Page, Part::Control, Part::Service] {
            assert!(check(&headers(&[host]), part, true).is_ok(), "{part:?}");
            assert!(check(&headers(&own), part, true).is_ok(), "{part:?}");
            for origin in ["http://evil.example", "null", "http://127.0.0.1:3000"] {
                assert!(
                    check(&headers(&[host, ("origin", origin)]), part, false).is_err(),
                    "{part:?} {origin}"
                );
            }
            for site in ["cross-site", "same-site"] {
                let kept_out = check(&headers(&[host, ("sec-fetch-site", site)]), part, false).is_err();
                assert_eq!(kept_out, part != Part::Page, "{part:?} {site}");
            }
        }
    }

    #[test]
    fn a_name_that_others_may_point_here_is_of_use_to_who_knows_the_key() {
        let anywhere = headers(&[("host", "mail.acme.example:8025")]);
        for part in [Part::Page, Part::Control, Part::Service] {
            assert!(check(&anywhere, part, true).is_err(), "{part:?}");
            assert_eq!(check(&anywhere, part, false).is_ok(), part == Part::Service, "{part:?}");
        }
    }
}

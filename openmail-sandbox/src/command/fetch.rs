//! Requests and their answers, as the commands make them.

use std::{net::IpAddr, time::Duration};

use http::StatusCode;
use reqwest::{RequestBuilder, Response, Url, redirect::Policy};
use serde_json::Value;

use super::failure::Failure;

/// The most that is read of an answer.
const ANSWER_AT_MOST: usize = 32 * 1024 * 1024;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A client for the service, or for a sandbox.
pub(crate) fn client(to: &Url) -> Result<reqwest::Client, Failure> {
    // Fails only if the process has a provider already, which then serves as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().redirect(Policy::none()).timeout(TIMEOUT);
    let client = if is_local(to) { client.no_proxy() } else { client };
    client.build().map_err(|error| Failure::new("the HTTP client cannot be set up").because(error))
}

/// A base address, without a slash at its end.
pub(crate) fn base(text: &str) -> Result<Url, Failure> {
    match Url::parse(text.trim().trim_end_matches('/')) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain(&url) => Ok(url),
        // Not shown, since there may be a password in it.
        _ => Err(Failure::new(
            "this is no base address: give one such as https://api.openmail.sh or http://127.0.0.1:8025",
        )),
    }
}

fn is_plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// The address below a base.
pub(crate) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Whether it is this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.is_ok_and(|ip| ip.is_loopback()) || host == "localhost" || host.ends_with(".localhost")
}

/// Makes a request and reads the answer, whatever its status.
pub(crate) async fn json(request: RequestBuilder) -> Result<(StatusCode, Value), reqwest::Error> {
    let mut response = request.send().await?;
    let status = response.status();
    let body = read(&mut response).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// The body, as far as it is of a size that an answer has.
async fn read(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_AT_MOST {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

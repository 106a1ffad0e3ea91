use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;

use super::kind::LONGEST_OUTAGE;
use super::{Error, ErrorKind, Limit, Refusal, Retry, Scope};
use crate::clock;
use crate::wire::row::{self, FailureRow};

/// The error that an answer other than 2xx means.
pub(crate) fn from_answer(status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Error {
    let row = row::failure(body);
    let foreign = row.is_none() && !body.iter().all(u8::is_ascii_whitespace);
    // A server in trouble may say anything: what it does not know today it may know tomorrow.
    let is_final = |kind: &ErrorKind| kind.retry(None) == Retry::Never;
    let said = row.as_ref().and_then(by_code);
    let kind = match said.filter(|kind| status < 500 || !is_final(kind)) {
        Some(kind) => kind,
        None => by_status(status, foreign),
    };
    let resets_at = row.as_ref().and_then(|row| row.resets_at);
    let mut error = Error::answered(kind, status, row);
    // Only the service knows when its own limits end: the page of a gateway speaks of what the gateway has in store.
    let longest = if foreign { LONGEST_OUTAGE } else { Duration::MAX };
    error.0.wait = wait(headers, resets_at, now).map(|wait| wait.min(longest));
    error.0.request_id = request_id(headers);
    error
}

fn by_code(row: &FailureRow) -> Option<ErrorKind> {
    Some(match row.code.as_deref()? {
        "unauthorized" | "invalid_api_key" => ErrorKind::Unauthorized,
        "spend_cap_paused" => ErrorKind::AccountPaused,
        "reputation_suspended" => ErrorKind::InboxSuspended,
        "account_banned" => ErrorKind::AccountBanned,
        "feature_requires_paid_plan" => ErrorKind::PlanRequired,
        "forbidden" => ErrorKind::Forbidden,
        "not_found" => ErrorKind::NotFound,
        "recipient_not_permitted" => ErrorKind::RecipientRefused(Refusal::NotPermitted),
        "recipient_suppressed" => ErrorKind::RecipientRefused(Refusal::Suppressed(row.cause.clone())),
        "no_mx_records" => ErrorKind::RecipientRefused(Refusal::NoMailServer),
        "unsafe_content" | "phishing_detected" => ErrorKind::ContentRefused,
        "storage_limit_exceeded" => ErrorKind::StorageFull,
        "rate_limit_exceeded" => ErrorKind::RateLimited(Limit::Rate),
        "cold_outreach_limit" => {
            ErrorKind::RateLimited(Limit::ColdOutreach { scope: scope(row), limit: row.limit })
        }
        "missing_idempotency_key" => ErrorKind::InvalidRequest,
        "provider_error" => ErrorKind::Server,
        "address_taken" => ErrorKind::Conflict,
        code if code.contains("idempotency") => idempotency(code),
        _ => return None,
    })
}

/// A first attempt that is still under way is no conflict: its answer is there a little later.
fn idempotency(code: &str) -> ErrorKind {
    let under_way = ["in_progress", "in_flight", "in_use", "processing", "concurrent", "locked"];
    if under_way.iter().any(|word| code.contains(word)) {
        ErrorKind::Server
    } else {
        ErrorKind::IdempotencyConflict
    }
}

fn by_status(status: u16, foreign: bool) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        429 => ErrorKind::RateLimited(Limit::Rate),
        408 => ErrorKind::Timeout,
        425 | 500.. => ErrorKind::Server,
        413 => ErrorKind::TooLarge,
        // Nothing of the service answers like that: it is a gateway's, to a page of its own.
        300..=399 => ErrorKind::Proxy,
        _ if foreign => ErrorKind::Proxy,
        402 => ErrorKind::AccountPaused,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        _ => ErrorKind::InvalidRequest,
    }
}

fn scope(row: &FailureRow) -> Scope {
    match row.scope.as_deref() {
        Some("domain") => Scope::Domain,
        Some("customer" | "account") => Scope::Account,
        _ => Scope::Inbox,
    }
}

/// How long to wait: `Retry-After` as seconds or as a date, else the moment the body names.
fn wait(headers: &HeaderMap, resets_at: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // A date is measured against the service's own clock, so that a wrong one here does not matter.
    let service_now = text(DATE).and_then(http_date).unwrap_or(now);
    let named = text(RETRY_AFTER).and_then(|value| {
        let seconds = value.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.or_else(|| http_date(value).map(|date| clock::until(service_now, date)))
    });
    named.or_else(|| resets_at.map(|moment| clock::until(service_now, moment)))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = ["x-request-id", "request-id", "cf-ray"].iter().find_map(|name| headers.get(*name))?;
    let id = value.to_str().ok()?;
    Some(id.chars().take(128).collect())
}

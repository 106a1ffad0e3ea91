use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use super::*;

fn classified(status: u16, body: &str) -> Error {
    from_answer(status, &HeaderMap::new(), body.as_bytes(), Timestamp::UNIX_EPOCH)
}

fn waiting(headers: &[(&'static str, &str)]) -> Retry {
    waiting_for("{}", headers)
}

fn waiting_for(body: &str, headers: &[(&'static str, &str)]) -> Retry {
    let headers =
        headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
    let now = "2026-02-24T12:00:00Z".parse().unwrap();
    from_answer(429, &headers, body.as_bytes(), now).retry()
}

#[test]
fn every_code_of_the_service_has_its_verdict() {
    let account = Retry::Held(Scope::Account);
    let table = [
        (400, "missing_idempotency_key", ErrorKind::InvalidRequest, Retry::Never),
        (400, "bad_request", ErrorKind::InvalidRequest, Retry::Never),
        (400, "no_webhook_url", ErrorKind::InvalidRequest, Retry::Never),
        (401, "unauthorized", ErrorKind::Unauthorized, account),
        (402, "spend_cap_paused", ErrorKind::AccountPaused, account),
        (403, "reputation_suspended", ErrorKind::InboxSuspended, Retry::Held(Scope::Inbox)),
        (403, "account_banned", ErrorKind::AccountBanned, account),
        (403, "feature_requires_paid_plan", ErrorKind::PlanRequired, Retry::Never),
        (403, "forbidden", ErrorKind::Forbidden, Retry::Never),
        (403, "recipient_not_permitted", ErrorKind::RecipientRefused(Refusal::NotPermitted), Retry::Never),
        (404, "not_found", ErrorKind::NotFound, Retry::Never),
        (409, "address_taken", ErrorKind::Conflict, Retry::Never),
        (409, "pod_not_empty", ErrorKind::Conflict, Retry::Never),
        (409, "idempotency_key_reused", ErrorKind::IdempotencyConflict, Retry::Never),
        (409, "idempotency_in_progress", ErrorKind::Server, Retry::Now),
        (422, "recipient_suppressed", ErrorKind::RecipientRefused(Refusal::Suppressed(None)), Retry::Never),
        (422, "no_mx_records", ErrorKind::RecipientRefused(Refusal::NoMailServer), Retry::Never),
        (422, "unsafe_content", ErrorKind::ContentRefused, Retry::Never),
        (422, "phishing_detected", ErrorKind::ContentRefused, Retry::Never),
        (422, "storage_limit_exceeded", ErrorKind::StorageFull, account),
        (422, "invalid_webhook_url", ErrorKind::InvalidRequest, Retry::Never),
        (
            429,
            "rate_limit_exceeded",
            ErrorKind::RateLimited(Limit::Rate),
            Retry::After(Duration::from_secs(60)),
        ),
        (500, "internal_error", ErrorKind::Server, Retry::Now),
        (500, "not_found", ErrorKind::Server, Retry::Now),
        (503, "forbidden", ErrorKind::Server, Retry::Now),
        (503, "spend_cap_paused", ErrorKind::AccountPaused, account),
        (502, "provider_error", ErrorKind::Server, Retry::Now),
        (502, "webhook_failed", ErrorKind::Server, Retry::Now),
        (503, "unavailable", ErrorKind::Server, Retry::Now),
    ];
    for (status, code, kind, retry) in table {
        for field in ["error", "code"] {
            let error = classified(status, &format!(r#"{{"{field}":"{code}","message":"m"}}"#));
            assert_eq!(
                (error.kind(), error.retry(), error.code()),
                (&kind, retry, Some(code)),
                "{status} {code}"
            );
        }
    }
}

#[test]
fn without_a_code_the_status_decides() {
    for (status, kind) in [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Unauthorized),
        (402, ErrorKind::AccountPaused),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (408, ErrorKind::Timeout),
        (409, ErrorKind::Conflict),
        (413, ErrorKind::TooLarge),
        (422, ErrorKind::InvalidRequest),
        (425, ErrorKind::Server),
        (429, ErrorKind::RateLimited(Limit::Rate)),
        (504, ErrorKind::Server),
    ] {
        assert_eq!(*classified(status, "").kind(), kind, "{status}");
        assert_eq!(*classified(status, r#"{"error":"Some Status Text"}"#).kind(), kind, "{status}");
    }
}

#[test]
fn a_wait_is_read_in_every_form() {
    let seconds = |seconds| Retry::After(Duration::from_secs(seconds));
    assert_eq!(waiting(&[("retry-after", "12")]), seconds(12));
    assert_eq!(waiting(&[("retry-after", "Tue, 24 Feb 2026 12:01:30 GMT")]), seconds(90));
    // The clock here is an hour behind the service's.
    let date = ("date", "Tue, 24 Feb 2026 13:00:00 GMT");
    assert_eq!(waiting(&[date, ("retry-after", "Tue, 24 Feb 2026 13:00:05 GMT")]), seconds(5));
    assert_eq!(waiting(&[("retry-after", "Mon, 23 Feb 2026 12:00:00 GMT")]), seconds(0));
    for nonsense in ["soon", "-5", "NaN", "1e300", ""] {
        assert_eq!(waiting(&[("retry-after", nonsense)]), seconds(60), "{nonsense}");
    }
}

#[test]
fn a_gateways_page_is_no_word_of_the_service_on_when_its_day_ends() {
    let tomorrow = [("retry-after", "86000")];
    let hour = Retry::After(Duration::from_secs(60 * 60));
    for (body, waits) in [
        (r#"{"error":"rate_limit_exceeded"}"#, Retry::After(Duration::from_secs(86_000))),
        ("<html><h1>429 Too Many Requests</h1></html>", hour),
    ] {
        assert_eq!(waiting_for(body, &tomorrow), waits, "{body}");
    }
    let soon = waiting_for("<html></html>", &[("retry-after", "12")]);
    assert_eq!(soon, Retry::After(Duration::from_secs(12)));
}

use http::HeaderMap;
use http::header::RETRY_AFTER;

use super::*;
use crate::store::SendSeq;
use crate::store::conformance::fixture::{at, reply};

fn reservation(attempt: u32) -> Reservation {
    let send = reply("key", "inb_1", "thr_1");
    Reservation { seq: SendSeq(1), fence: 1, send, attempt, first_attempt_at: at(0) }
}

/// What is recorded of an attempt, and how long the send waits.
fn answered(
    attempt: u32,
    status: u16,
    retry_after: Option<&'static str>,
    body: &str,
) -> (SendSettlement, Duration) {
    let mut headers = HeaderMap::new();
    headers.extend(retry_after.map(|wait| (RETRY_AFTER, wait.parse().unwrap())));
    let error = api::from_answer(status, &headers, body.as_bytes(), at(100));
    let settlement = settlement(&reservation(attempt), Err(error), at(100));
    let SendOutcome::Retry { at: due, .. } = settlement.outcome else { panic!("{:?}", settlement.outcome) };
    (settlement, clock::until(at(100), due))
}

#[test]
fn whatever_the_answer_says_there_is_a_pause_before_the_next_attempt() {
    let past = r#"{"error":"cold_outreach_limit","scope":"inbox","resetsAt":"2020-01-01T00:00:00Z"}"#;
    let answers = [
        (429, Some("0"), ""),
        (429, None, past),
        (503, Some("0"), ""),
        (500, None, ""),
        (402, None, r#"{"error":"spend_cap_paused"}"#),
        (403, None, r#"{"error":"reputation_suspended"}"#),
    ];
    for (status, retry_after, body) in answers {
        for (attempt, least) in [(1, 1), (2, 2), (4, 8), (40, 150)] {
            let (settlement, wait) = answered(attempt, status, retry_after, body);
            let range = Duration::from_secs(least)..=Duration::from_secs(2 * least);
            assert!(range.contains(&wait), "{status} {body}: attempt {attempt} is followed after {wait:?}");
            let pause = settlement.lesson.map(|lesson| clock::until(at(100), lesson.until));
            assert!(pause.is_none_or(|pause| pause == LEAST_PAUSE), "{pause:?}");
        }
    }
}

#[test]
fn a_wait_that_the_service_names_is_kept() {
    for status in [429, 503] {
        assert_eq!(answered(1, status, Some("90"), "").1, Duration::from_secs(90));
    }
}

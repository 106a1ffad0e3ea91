use http::HeaderMap;
use http::header::RETRY_AFTER;

use super::*;
use crate::model::{IdempotencyKey, InboxId, Secret};
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
fn a_key_under_which_other_words_have_left_means_that_the_mail_was_answered() {
    let body = br#"{"error":"idempotency_key_reused","message":"m"}"#;
    let error = api::from_answer(422, &HeaderMap::new(), body, at(100));
    let settlement = settlement(&reservation(1), Err(error), at(100));
    assert_eq!(settlement.outcome, SendOutcome::Sent { message_id: None, thread_id: None });
    assert!(settlement.news.is_none(), "nobody is told to answer another way");
    let error = api::from_answer(422, &HeaderMap::new(), br#"{"error":"invalid_idempotency_key"}"#, at(100));
    let settlement = super::settlement(&reservation(1), Err(error), at(100));
    assert!(matches!(settlement.outcome, SendOutcome::Failed { .. }), "{:?}", settlement.outcome);
}

#[test]
fn what_the_provider_refused_has_failed_though_the_service_took_it() {
    let mut sent = SentMessage::new();
    sent.status = Some(SendStatus::Failed);
    let settlement = settlement(&reservation(1), Ok(sent), at(100));
    assert!(matches!(settlement.outcome, SendOutcome::Failed { .. }), "{:?}", settlement.outcome);
    assert!(settlement.news.is_some(), "somebody has to see to it");
}

#[test]
fn a_gateway_that_leads_elsewhere_for_a_while_fails_nothing() {
    assert!(answered(1, 302, None, "<html>back soon</html>").1 >= Duration::from_secs(1));
}

#[test]
fn a_service_that_is_down_is_asked_again_whatever_it_says_about_its_return() {
    let (settlement, wait) = answered(1, 503, Some("604800"), "");
    assert_eq!(wait, Duration::from_secs(60 * 60));
    assert!(settlement.news.is_none(), "nothing has failed");
    let (settlement, wait) = answered(1, 429, Some("604800"), "");
    let pause = clock::until(at(100), settlement.lesson.unwrap().until);
    assert_eq!([wait, pause], [Duration::from_secs(25 * 60 * 60); 2], "no limit of the service lasts longer");
}

#[test]
fn a_wait_beyond_the_life_of_the_key_ends_in_time_for_a_last_attempt() {
    let body =
        || api::from_answer(503, &HeaderMap::from_iter([(RETRY_AFTER, "3600".parse().unwrap())]), b"", at(0));
    let last = clock::after(at(0), ATTEMPTS_FOR);
    let late = clock::after(at(0), KEY_LIFE - Duration::from_secs(30 * 60));
    let settled = settlement(&reservation(20), Err(body()), late);
    assert!(matches!(settled.outcome, SendOutcome::Retry { at, .. } if at == last), "{:?}", settled.outcome);
    let settled = settlement(&reservation(21), Err(body()), last);
    assert!(matches!(settled.outcome, SendOutcome::Failed { .. }), "{:?}", settled.outcome);
    assert!(settled.news.is_some());
}

#[test]
fn a_key_that_is_refused_holds_nobody_else_and_nobody_after_a_restart() {
    let (settlement, wait) = answered(1, 401, None, r#"{"error":"unauthorized"}"#);
    assert!(settlement.hold.is_none() && settlement.lesson.is_none(), "{settlement:?}");
    assert!(matches!(settlement.outcome, SendOutcome::Retry { counted: false, .. }));
    assert!(wait <= Duration::from_secs(2), "the next process has another key, perhaps");
}

#[test]
fn a_wait_that_the_service_names_is_kept() {
    for status in [429, 503] {
        assert_eq!(answered(1, status, Some("90"), "").1, Duration::from_secs(90));
    }
}

#[tokio::test]
async fn an_attempt_that_never_left_costs_neither_a_slot_nor_the_life_of_the_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = api::Client::builder(Secret::new("om_1")).base_url(&url).unwrap().build().unwrap();
    let (key, inbox_id) = (IdempotencyKey::new("key"), InboxId::from("inb_1"));
    let error = client.send(&inbox_id, &reservation(1).send.draft, &key).await.unwrap_err();
    // Three days after the first attempt that found no way out.
    let settlement = settlement(&reservation(40), Err(error), at(3 * 24 * 60 * 60));
    let SendOutcome::Retry { at: due, counted, .. } = settlement.outcome else { panic!("{settlement:?}") };
    assert!(!counted && due > settlement.now && settlement.news.is_none());
}

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::api::{Error, ErrorKind, Limit, Refusal, Retry, Scope};

async fn error(answer: Answer) -> Error {
    let service = Service::start([answer]).await;
    client(&service).me().await.unwrap_err()
}

#[tokio::test]
async fn an_error_carries_status_code_words_and_request_id() {
    let body =
        r#"{"error":"not_found","message":"No such\u0007 inbox\r\nfor ada@a.example or om_live_4f1c"}"#;
    let error = error(Answer::new(404, body).header("x-request-id", "req_1")).await;
    assert_eq!((error.kind(), error.status()), (&ErrorKind::NotFound, Some(404)));
    assert_eq!((error.code(), error.request_id()), (Some("not_found"), Some("req_1")));
    assert_eq!(error.to_string(), "not found (404 not_found): No such inbox for …@a.example or [key]");
    assert!(!format!("{error:?}").contains("ada@"));
}

#[tokio::test]
async fn long_words_are_cut() {
    let body = serde_json::json!({"error": "bad_request", "message": "wörd ".repeat(1_000)}).to_string();
    let message = error(Answer::new(400, body)).await.message().unwrap().to_owned();
    assert_eq!(message.chars().count(), 501);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_verdict_of_the_service() {
    let page = "<html>blocked</html>";
    for status in [400, 403, 404] {
        let error = error(Answer::new(status, page)).await;
        assert_eq!((error.kind(), error.retry()), (&ErrorKind::Proxy, Retry::Now), "{status}");
        assert_eq!(error.message(), None);
    }
    assert_eq!(*error(Answer::new(502, page)).await.kind(), ErrorKind::Server);
    assert_eq!(*error(Answer::new(401, page)).await.kind(), ErrorKind::Unauthorized);
    assert_eq!(*error(Answer::ok(page)).await.kind(), ErrorKind::Proxy);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let service = Service::start([Answer::found("/v1/elsewhere")]).await;
    let error = client(&service).me().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (&ErrorKind::Proxy, Some(302)));
    service.asked_once();
}

#[tokio::test]
async fn a_success_that_lacks_what_it_must_have_is_no_retry() {
    let service = Service::start([Answer::ok(r#"{"unexpected":true}"#)]).await;
    let error = client(&service).inbox(&"i".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Decode, Retry::Never));
}

#[tokio::test]
async fn a_cut_connection_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let half = "content-length: 99\r\n\r\n{\"half\":";
        for status in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 403 Forbidden\r\n"] {
            let answer = if status.is_empty() { String::new() } else { format!("{status}{half}") };
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = Client::builder(Secret::new(KEY)).base_url(&url).unwrap().build().unwrap();
    for _ in 0..3 {
        let error = client.me().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (&ErrorKind::Interrupted, Retry::Now));
    }
    server.await.unwrap();
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let builder = || Client::builder(Secret::new(KEY)).base_url(&url).unwrap();
    let error = builder().timeout(Duration::from_millis(50)).build().unwrap().me().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Timeout, Retry::Now));
    drop(listener);
    let error = builder().build().unwrap().me().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Connect, Retry::Now));
}

#[tokio::test]
async fn a_limit_says_how_long_to_wait() {
    let body = r#"{"error":"rate_limit_exceeded","message":"slow down"}"#;
    let limited = error(Answer::new(429, body).header("retry-after", "37")).await;
    assert_eq!(*limited.kind(), ErrorKind::RateLimited(Limit::Rate));
    assert_eq!(limited.retry(), Retry::After(Duration::from_secs(37)));
    let body =
        r#"{"code":"cold_outreach_limit","scope":"customer","limit":30,"resetsAt":"2026-02-25T00:00:00Z"}"#;
    let cold = error(Answer::new(429, body).header("date", "Tue, 24 Feb 2026 23:00:00 GMT")).await;
    let limit = Limit::ColdOutreach { scope: Scope::Account, limit: Some(30) };
    assert_eq!(
        (cold.kind(), cold.retry()),
        (&ErrorKind::RateLimited(limit), Retry::After(Duration::from_secs(3600)))
    );
}

#[tokio::test]
async fn a_suppression_says_why() {
    let suppressed = error(Answer::new(422, r#"{"error":"recipient_suppressed","type":"complaint"}"#)).await;
    let refusal = Refusal::Suppressed(Some("complaint".into()));
    assert_eq!(
        (suppressed.kind(), suppressed.retry()),
        (&ErrorKind::RecipientRefused(refusal), Retry::Never)
    );
}

use std::time::Duration;

use super::*;
use crate::api::{ErrorKind, Retry};

const FILE: &[u8] = b"%PDF-1.7\0\xff";

#[tokio::test]
async fn the_key_does_not_follow_to_another_host() {
    let store = Service::start([Answer::ok(FILE).header("content-type", "application/pdf")]).await;
    let api = Service::start([Answer::found(format!("{}/signed?sig=1", store.url))]).await;
    let download = client(&api).attachment(&"msg/1".into(), "in voice.pdf").await.unwrap();
    assert_eq!(download.content_type(), Some("application/pdf"));
    assert_eq!(&download.bytes().await.unwrap()[..], FILE);

    let asked = api.asked_once();
    assert_eq!(asked.target, "/v1/attachments/msg%2F1/in%20voice.pdf");
    assert!(asked.header("authorization").is_some());
    let asked = store.asked_once();
    assert_eq!(asked.target, "/signed?sig=1");
    assert_eq!(asked.header("authorization"), None);
    assert!(!format!("{asked:?}").contains(KEY));
}

#[tokio::test]
async fn the_key_stays_behind_once_it_was_left() {
    let api = Service::start([Answer::ok("placeholder")]).await;
    let stranger = Service::start([Answer::found(format!("{}/v1/me", api.url))]).await;
    client(&api).attachment_at(&format!("{}/file", stranger.url)).await.unwrap();
    assert_eq!(stranger.asked_once().header("authorization"), None);
    assert_eq!(api.asked_once().header("authorization"), None);
}

#[tokio::test]
async fn a_redirect_within_the_service_keeps_the_key() {
    let api = Service::start([Answer::found("/v1/files/1"), Answer::ok(FILE)]).await;
    client(&api).attachment(&"m".into(), "f").await.unwrap();
    let asked = api.asked();
    assert_eq!(asked[1].target, "/v1/files/1");
    assert!(asked.iter().all(|asked| asked.header("authorization").is_some()));
}

#[tokio::test]
async fn bytes_at_once_are_taken() {
    let api = Service::start([Answer::ok(FILE)]).await;
    let url = format!("{}/v1/attachments/m/f", api.url);
    assert_eq!(&client(&api).attachment_at(&url).await.unwrap().bytes().await.unwrap()[..], FILE);
    assert!(api.asked_once().header("authorization").is_some());
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let api = Service::start([Answer::found("/again")]).await;
    let error = client(&api).attachment(&"m".into(), "f").await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Redirect, Retry::Never));
    assert_eq!(api.asked().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_something_else_than_the_web_is_refused() {
    let api = Service::start([Answer::found("file:///etc/passwd")]).await;
    let error = client(&api).attachment(&"m".into(), "f").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Redirect);
    for url in ["file:///etc/passwd", "/relative", "gopher://x"] {
        let error = client(&api).attachment_at(url).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test]
async fn from_https_it_never_leads_to_plain_http() {
    let client = Client::builder(Secret::new(KEY)).build().unwrap();
    let error = client.attachment_at("http://127.0.0.1:1/file").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_file_without_end_stops_at_the_cap() {
    let api = Service::start([Answer::ok(vec![7; 100_000]).endless()]).await;
    let mut download = client(&api).attachment(&"m".into(), "f").await.unwrap().with_cap(1_000_000);
    let mut read = 0;
    let error = loop {
        match download.next_chunk().await {
            Ok(chunk) => read += chunk.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::TooLarge, Retry::Never));
    assert!(read <= 1_000_000, "{read}");
}

#[tokio::test]
async fn a_file_announced_above_the_cap_is_not_read_at_all() {
    let api = Service::start([Answer::ok(vec![7; 1001])]).await;
    let mut download = client(&api).attachment(&"m".into(), "f").await.unwrap().with_cap(1000);
    assert_eq!(download.size(), Some(1001));
    assert_eq!(*download.next_chunk().await.unwrap_err().kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn a_missing_file_is_an_error_and_not_a_file() {
    let api = Service::start([Answer::new(404, r#"{"error":"not_found"}"#)]).await;
    let error = client(&api).attachment(&"m".into(), "f").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_error_that_never_ends_is_told_by_its_status() {
    let (pause, limit) = (Duration::from_millis(20), Duration::from_millis(100));
    let api = Service::start([Answer::new(503, "x").dripping(pause)]).await;
    let client =
        Client::builder(Secret::new(KEY)).base_url(&api.url).unwrap().timeout(limit).build().unwrap();
    let id = "m".into();
    let download = tokio::time::timeout(Duration::from_secs(10), client.attachment(&id, "f"));
    let error = download.await.expect("it ends").unwrap_err();
    assert_eq!((error.status(), error.retry()), (Some(503), Retry::Now));
}

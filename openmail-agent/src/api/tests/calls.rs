use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::*;
use crate::api::{
    ErrorKind, InboxChanges, InboxFilter, MessageFilter, NewInbox, NewPod, PodChanges, PodFilter, Retry,
    THIS_MACHINE, ThreadFilter,
};
use crate::model::{InboxId, KeyScope, ThreadId};

#[tokio::test]
async fn the_key_and_the_agent_go_with_every_call() {
    let service =
        Service::start([Answer::ok(r#"{"customerId":"c","plan":"pro","apiKeyScope":"account"}"#)]).await;
    let me = client(&service).me().await.unwrap();
    assert_eq!((me.scope, me.plan.as_deref()), (KeyScope::Account, Some("pro")));
    let asked = service.asked_once();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/v1/me"));
    assert_eq!(asked.header("authorization"), Some("Bearer om_live_4f1c"));
    assert!(asked.header("user-agent").unwrap().starts_with("openmail-agent/"));
}

#[tokio::test]
async fn every_call_goes_where_the_contract_says() {
    let answer = r#"{"id":"x","token":"om_x","webhookSecret":"s","text":"t","data":[]}"#;
    let service = Service::start([Answer::ok(answer)]).await;
    let api = client(&service);
    let (inbox, thread, message) = (InboxId::from("i/1"), ThreadId::from("t 1"), "m?1".into());

    api.inboxes(&InboxFilter::new().page(500, 7)).await.unwrap();
    api.inboxes(&InboxFilter::new().pod("p&1").page(10, 0)).await.unwrap();
    api.create_inbox(&NewInbox { mailbox_name: Some("help".into()), ..NewInbox::new() }).await.unwrap();
    api.inbox(&inbox).await.unwrap();
    api.update_inbox(&inbox, &InboxChanges { webhook_url: Some(None), ..InboxChanges::new() }).await.unwrap();
    api.delete_inbox(&inbox).await.unwrap();
    api.test_webhook(&inbox).await.unwrap();
    api.rotate_webhook_secret(&inbox).await.unwrap();
    api.create_inbox_key(&inbox, Some("ci")).await.unwrap();
    api.inbox_keys(&inbox).await.unwrap();
    api.delete_inbox_key(&inbox, &"k/1".into()).await.unwrap();
    api.create_pod(&NewPod { client_id: Some("c".into()), ..NewPod::new() }).await.unwrap();
    api.pods(&PodFilter::new().page(10, 20)).await.unwrap();
    api.pod("p/1").await.unwrap();
    api.update_pod("p", &PodChanges { name: Some(None), ..PodChanges::new() }).await.unwrap();
    api.delete_pod("p").await.unwrap();
    api.create_pod_key("p", None).await.unwrap();
    api.pod_keys("p").await.unwrap();
    api.delete_pod_key("p", &"k".into()).await.unwrap();
    api.messages(&inbox, &MessageFilter::inbound().page(100, 200)).await.unwrap();
    api.threads(&inbox, &ThreadFilter::unread()).await.unwrap();
    api.thread_messages(&thread).await.unwrap();
    api.mark_thread(&thread, true).await.unwrap();
    api.attachment_text(&message, "a/b ü.pdf").await.unwrap();

    let asked = service.asked();
    let lines: Vec<_> = asked.iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/inboxes?limit=100&offset=7",
            "GET /v1/inboxes?podId=p%261&limit=10&offset=0",
            "POST /v1/inboxes",
            "GET /v1/inboxes/i%2F1",
            "PATCH /v1/inboxes/i%2F1",
            "DELETE /v1/inboxes/i%2F1",
            "POST /v1/inboxes/i%2F1/webhook/test",
            "POST /v1/inboxes/i%2F1/webhook/rotate-secret",
            "POST /v1/inboxes/i%2F1/api-keys",
            "GET /v1/inboxes/i%2F1/api-keys",
            "DELETE /v1/inboxes/i%2F1/api-keys/k%2F1",
            "POST /v1/pods",
            "GET /v1/pods?limit=10&offset=20",
            "GET /v1/pods/p%2F1",
            "PATCH /v1/pods/p",
            "DELETE /v1/pods/p",
            "POST /v1/pods/p/api-keys",
            "GET /v1/pods/p/api-keys",
            "DELETE /v1/pods/p/api-keys/k",
            "GET /v1/inboxes/i%2F1/messages?direction=inbound&limit=100&offset=200",
            "GET /v1/inboxes/i%2F1/threads?is_read=false",
            "GET /v1/threads/t%201/messages",
            "PATCH /v1/threads/t%201",
            "GET /v1/attachments/m%3F1/a%2Fb%20%C3%BC.pdf/text",
        ]
    );
    let bodies: Vec<_> = asked
        .iter()
        .filter(|asked| matches!(asked.method, Method::POST | Method::PATCH) && !asked.body.is_empty())
        .map(super::service::Asked::json)
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"mailboxName": "help"}),
            json!({"webhookUrl": null}),
            json!({"name": "ci"}),
            json!({"clientId": "c"}),
            json!({"name": null}),
            json!({}),
            json!({"is_read": true}),
        ]
    );
}

#[tokio::test]
async fn an_id_of_dots_never_leaves() {
    let service = Service::start([Answer::ok("{}")]).await;
    let error = client(&service).inbox(&"..".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (&ErrorKind::InvalidRequest, None));
    assert!(service.asked().is_empty());
}

#[tokio::test]
async fn every_inbox_is_found_page_by_page() {
    let rows = |range: std::ops::Range<u32>| {
        let rows: Vec<_> = range.map(|n| json!({"id": format!("inb_{n}")})).collect();
        json!({"data": rows, "total": 150}).to_string()
    };
    // The list moved by ten between the two pages.
    let service = Service::start([Answer::ok(rows(0..100)), Answer::ok(rows(90..150))]).await;
    assert_eq!(client(&service).all_inboxes().await.unwrap().len(), 150);
    assert_eq!(service.asked()[1].target, "/v1/inboxes?limit=100&offset=100");
}

#[tokio::test]
async fn a_list_that_ignores_the_offset_comes_to_an_end() {
    let rows: Vec<_> = (0..100).map(|n| json!({"id": format!("inb_{n}")})).collect();
    let service = Service::start([Answer::ok(json!({"data": rows, "total": 1000}).to_string())]).await;
    assert_eq!(client(&service).all_inboxes().await.unwrap().len(), 100);
}

#[tokio::test]
async fn an_answer_of_five_megabytes_is_read() {
    let body = json!({"data": [{"id": "m", "bodyText": "x".repeat(5_000_000)}]}).to_string();
    let service = Service::start([Answer::ok(body)]).await;
    let page = client(&service).messages(&"i".into(), &MessageFilter::new()).await.unwrap();
    assert_eq!(page.items[0].text.as_ref().map(String::len), Some(5_000_000));
}

#[tokio::test]
async fn a_large_conversation_waits_until_there_is_room_for_it_and_a_small_one_does_not() {
    const MB: usize = 1024 * 1024;
    let of = |length: usize| json!({"data": [{"id": "m", "bodyText": "x".repeat(length)}]}).to_string();
    let large = Answer::ok(of(3 * MB));
    let service = Service::start([Answer::ok(of(1_000)), large.clone(), large]).await;
    let api = client(&service);
    let read = async || api.conversation(&"t".into()).await.unwrap();
    let free = |bytes: usize| api.inner().space.now(bytes).is_some();

    let others = api.inner().space.now(62 * MB).unwrap();
    read().await;
    assert_eq!(service.asked().len(), 1);
    let (read, ()) = tokio::join!(read(), async {
        // Whoever waits is given what becomes free.
        let somebody_waits = async {
            while free(MB) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), somebody_waits).await.unwrap();
        drop(others);
    });
    assert_eq!(service.asked().len(), 2, "the service is not kept waiting, but asked again");
    assert!(free(61 * MB) && !free(62 * MB));
    drop(read);
    assert!(free(64 * MB));
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_large_is_not_read() {
    let service = Service::start([Answer::ok(vec![b' '; 33 * 1024 * 1024])]).await;
    let error = client(&service).me().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let service = Service::start([Answer::ok(vec![b' '; 1024 * 1024]).endless()]).await;
    let error = client(&service).me().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::TooLarge, Retry::Never));
}

#[test]
fn a_key_does_not_travel_unencrypted_to_a_stranger() {
    let build = |base: &str| Client::builder(Secret::new(KEY)).base_url(base).unwrap().build();
    for base in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://api.localhost"] {
        assert!(build(base).is_ok(), "{base}");
    }
    for base in [
        "http://api.openmail.sh",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
    ] {
        let error = build(base).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Configuration, "{base}");
        assert!(error.to_string().contains("unencrypted"), "{error}");
    }
    let builder = Client::builder(Secret::new(KEY)).base_url("http://sandbox:8025").unwrap();
    assert!(builder.allow_plain_http().build().is_ok());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for base in ["", "api.openmail.sh", "ftp://x", "https://user:pw@x", "https://x/?q=1", "https://x/#f"] {
        assert!(Client::builder(Secret::new(KEY)).base_url(base).is_err(), "{base}");
    }
    for key in ["", "two words", "line\nbreak", "schlüssel"] {
        let builder = Client::builder(Secret::new(key)).base_url("http://localhost").unwrap();
        assert_eq!(*builder.build().unwrap_err().kind(), ErrorKind::Configuration, "{key:?}");
    }
}

#[test]
fn debug_shows_no_key() {
    let builder = Client::builder(Secret::new(KEY)).base_url("http://localhost").unwrap();
    assert!(!format!("{builder:?}").contains(KEY));
    assert!(!format!("{:?}", builder.build().unwrap()).contains(KEY));
}

#[test]
fn a_service_is_known_by_its_origin_and_this_machine_by_no_port() {
    let service = |base: &str| {
        let builder = Client::builder(Secret::new("om_1")).base_url(base).unwrap();
        builder.allow_plain_http().build().unwrap().service()
    };
    for (base, expected) in [
        ("https://api.openmail.sh", "https://api.openmail.sh"),
        ("https://API.openmail.sh:443/v1/", "https://api.openmail.sh"),
        ("https://api.openmail.sh:8443", "https://api.openmail.sh:8443"),
        ("http://api.openmail.sh", "http://api.openmail.sh"),
        ("http://sandbox:8025", "http://sandbox:8025"),
        ("http://127.0.0.1:8025", THIS_MACHINE),
        ("http://127.8.0.1", THIS_MACHINE),
        ("https://localhost:8443/path", THIS_MACHINE),
        ("http://agent.localhost:1", THIS_MACHINE),
        ("http://[::1]:8025", THIS_MACHINE),
        ("https://localhost.example.com", "https://localhost.example.com"),
    ] {
        assert_eq!(service(base), expected, "{base}");
    }
}

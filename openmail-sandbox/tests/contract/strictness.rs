use openmail_sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Rest};

#[tokio::test]
async fn a_send_needs_its_idempotency_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    let path = format!("/v1/inboxes/{}/send", inbox.id);
    Rest::of(&sandbox).post(&path, body).await.refused(400, "missing_idempotency_key");
    assert!(sandbox.all_sent().is_empty());
}

#[tokio::test]
async fn a_malformed_send_is_refused_whole() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let good = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    let changes = [
        ("to", Value::Null),
        ("to", json!("Ada <ada@example.com>")),
        ("to", json!(["ada@example.com"])),
        ("subject", json!("")),
        ("subject", json!("x".repeat(999))),
        ("body", json!("")),
        ("body", json!("x".repeat(100_001))),
        ("bodyHtml", json!("x".repeat(500_001))),
        ("includeQuote", json!("false")),
        ("replyTo", json!("nobody")),
        ("cc", json!("grace@example.com")),
        ("cc", json!(["not an address"])),
        ("threadId", Value::Null),
    ];
    for (field, value) in changes {
        let mut body = good.clone();
        body[field] = value;
        rest.send(&inbox, "k", body).await.refused(400, "bad_request");
    }
    for missing in ["to", "subject", "body"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        rest.send(&inbox, "k", body).await.refused(400, "bad_request");
    }
    assert!(sandbox.all_sent().is_empty());
    rest.send(&inbox, "k", good).await.expect(200);
}

#[tokio::test]
async fn fields_that_the_contract_forbids_are_refused_and_the_others_counted() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    rest.post("/v1/inboxes", json!({"username": "jane"})).await.refused(400, "bad_request");
    rest.post("/v1/pods", json!({"client_id": "x"})).await.refused(400, "bad_request");
    let path = format!("/v1/inboxes/{}", inbox.id);
    rest.call(Method::PATCH, &path, json!({"display_name": "x"})).await.refused(400, "bad_request");
    let body = json!({"to": "a@b.example", "subject": "x", "body": "x", "thread_id": "y"});
    rest.send(&inbox, "k", body).await.expect(200);
    assert_eq!(sandbox.counts().unknown_fields, 1);
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let rest = Rest::of(&sandbox);
    for (content_type, body) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", ""),
        ("text/plain", "{}"),
    ] {
        let request =
            rest.request(Method::POST, "/v1/inboxes").header("content-type", content_type).body(body);
        Answer::of(request.send().await.unwrap()).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn a_new_inbox_is_checked() {
    let sandbox = Sandbox::start().await.unwrap();
    let rest = Rest::of(&sandbox);
    rest.post("/v1/inboxes", json!({"mailboxName": "jane"})).await.expect(201);
    rest.post("/v1/inboxes", json!({"mailboxName": "Jane"})).await.refused(409, "address_taken");
    rest.post("/v1/inboxes", json!({"mailboxName": "jo"})).await.refused(400, "bad_request");
    rest.post("/v1/inboxes", json!({"mailboxName": "j o e"})).await.refused(400, "invalid_mailbox_name");
    rest.post("/v1/inboxes", json!({"domain": "acme.example"})).await.refused(400, "domain_not_verified");
    rest.post("/v1/inboxes", json!({"podId": "pod_nope"})).await.refused(400, "invalid_pod");
    rest.post("/v1/inboxes", json!({"webhookUrl": "ftp://x"})).await.refused(422, "invalid_webhook_url");
}

use std::collections::BTreeSet;

use openmail_sandbox::{Mail, Operation, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::{
    client::{Answer, Rest, Socket},
    webhook_receiver::Receiver,
};

#[tokio::test]
async fn every_operation_of_the_contract_answers() {
    let sandbox = Sandbox::start().await.unwrap();
    let receiver = Receiver::start().await;
    let rest = Rest::of(&sandbox);

    let me = rest.get("/v1/me").await.expect(200);
    assert_eq!(me["apiKeyScope"], "account");

    let pod = rest.post("/v1/pods", json!({"clientId": "tenant_1", "name": "Tenant"})).await.expect(201);
    assert_eq!(rest.get("/v1/pods").await.expect(200)["data"][0]["isDefault"], true);
    assert_eq!(rest.get("/v1/pods/tenant_1").await.expect(200)["id"], pod["id"]);
    let renamed = rest.call(Method::PATCH, "/v1/pods/tenant_1", json!({"name": null})).await.expect(200);
    assert!(renamed["name"].is_null());
    let key = rest.post("/v1/pods/tenant_1/api-keys", json!({})).await.expect(201);
    let keys = rest.get("/v1/pods/tenant_1/api-keys").await.expect(200);
    assert!(keys["data"][0].get("token").is_none());
    let path = format!("/v1/pods/tenant_1/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(rest.call(Method::DELETE, &path, json!(null)).await.status, 204);

    let create = json!({"mailboxName": "support", "podId": "tenant_1", "webhookUrl": receiver.url()});
    let inbox = rest.post("/v1/inboxes", create).await.expect(201);
    assert!(inbox["webhookSecret"].is_string());
    assert_eq!(inbox["podId"], pod["id"]);
    let id = inbox["id"].as_str().unwrap();
    assert_eq!(rest.get("/v1/inboxes?podId=tenant_1").await.expect(200)["total"], 1);
    assert!(rest.get(&format!("/v1/inboxes/{id}")).await.expect(200).get("webhookSecret").is_none());
    let named = rest.call(Method::PATCH, &format!("/v1/inboxes/{id}"), json!({"displayName": "Jane"})).await;
    assert_eq!(named.expect(200)["displayName"], "Jane");
    let rotated = rest.post(&format!("/v1/inboxes/{id}/webhook/rotate-secret"), json!({})).await.expect(200);
    assert_ne!(rotated["webhookSecret"], inbox["webhookSecret"]);
    let tested = rest.post(&format!("/v1/inboxes/{id}/webhook/test"), json!({})).await.expect(200);
    assert_eq!(tested["ok"], true);
    let key = rest.post(&format!("/v1/inboxes/{id}/api-keys"), json!({"name": "bot"})).await.expect(201);
    assert_eq!(rest.get(&format!("/v1/inboxes/{id}/api-keys")).await.expect(200)["data"][0]["name"], "bot");
    let path = format!("/v1/inboxes/{id}/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(rest.call(Method::DELETE, &path, json!(null)).await.status, 204);

    let mail = sandbox.deliver(
        Mail::from("ada@example.com").to(inbox["address"].as_str().unwrap()).text("Hi").attachment(
            "note.txt",
            "text/plain",
            "noted",
        ),
    );
    assert_eq!(rest.get(&format!("/v1/inboxes/{id}/messages")).await.expect(200)["total"], 1);
    assert_eq!(rest.get(&format!("/v1/inboxes/{id}/threads")).await.expect(200)["total"], 1);
    let path = format!("/v1/threads/{}/messages", mail.thread_id);
    assert_eq!(rest.get(&path).await.expect(200)["data"][0]["id"], mail.message_id.as_str());
    let path = format!("/v1/threads/{}", mail.thread_id);
    assert_eq!(rest.call(Method::PATCH, &path, json!({"is_read": true})).await.expect(200)["ok"], true);
    let path = format!("/v1/attachments/{}/note.txt", mail.message_id);
    assert_eq!(rest.get(&path).await.status, 302);
    assert_eq!(rest.get(&format!("{path}/text")).await.expect(200)["text"], "noted");

    let inbox = sandbox.inbox(id).unwrap();
    rest.send(&inbox, "k", json!({"to": "ada@example.com", "subject": "Re", "body": "Yes"}))
        .await
        .expect(200);
    Socket::open(&sandbox).await;
    assert_eq!(rest.call(Method::DELETE, &format!("/v1/inboxes/{id}"), json!(null)).await.status, 204);
    assert_eq!(rest.call(Method::DELETE, "/v1/pods/tenant_1", json!(null)).await.status, 204);

    let called: BTreeSet<_> = sandbox.counts().requests.into_keys().collect();
    let missed: Vec<_> = Operation::ALL.iter().filter(|operation| !called.contains(operation)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[tokio::test]
async fn nothing_answers_without_a_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let rest = Rest::with_key(&sandbox, "om_wrong");
    rest.get("/v1/me").await.refused(401, "unauthorized");
    rest.post("/v1/inboxes", json!({})).await.refused(401, "unauthorized");
    let bare = reqwest::get(format!("{}/v1/inboxes", sandbox.base_url())).await.unwrap();
    Answer::of(bare).await.refused(401, "unauthorized");
    assert_eq!(sandbox.counts().unauthorized, 3);
}

#[tokio::test]
async fn an_unknown_path_is_not_found_in_the_services_own_form() {
    let sandbox = Sandbox::start().await.unwrap();
    Rest::of(&sandbox).get("/v1/drafts").await.refused(404, "not_found");
}

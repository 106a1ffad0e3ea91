use openmail_sandbox::{Mail, NewInbox, Sandbox, Scope};
use reqwest::Method;
use serde_json::json;

use crate::client::Rest;

#[tokio::test]
async fn an_inbox_key_reads_and_sends_for_its_inbox_and_nothing_else() {
    let sandbox = Sandbox::start().await.unwrap();
    let (own, other) = (sandbox.create_inbox("own"), sandbox.create_inbox("other"));
    let key = sandbox.create_key(Scope::Inbox(own.id.clone()));
    let rest = Rest::with_key(&sandbox, &key.token);

    let me = rest.get("/v1/me").await.expect(200);
    assert_eq!(me["apiKeyScope"]["inboxId"], own.id.as_str());
    assert_eq!(rest.get("/v1/inboxes").await.expect(200)["total"], 1);
    rest.send(&own, "k", json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"})).await.expect(200);

    let foreign = sandbox.deliver(Mail::from("ada@example.com").to(&other.address).text("secret"));
    rest.get(&format!("/v1/inboxes/{}/messages", other.id)).await.refused(404, "not_found");
    rest.get(&format!("/v1/threads/{}/messages", foreign.thread_id)).await.refused(404, "not_found");
    rest.send(&other, "k2", json!({"to": "a@b.example", "subject": "x", "body": "x"}))
        .await
        .refused(404, "not_found");
    rest.post("/v1/inboxes", json!({})).await.refused(403, "forbidden");
    rest.call(Method::PATCH, &format!("/v1/inboxes/{}", own.id), json!({})).await.refused(403, "forbidden");
    rest.call(Method::DELETE, &format!("/v1/inboxes/{}", own.id), json!(null))
        .await
        .refused(403, "forbidden");
    rest.post(&format!("/v1/inboxes/{}/api-keys", own.id), json!({})).await.refused(403, "forbidden");
    rest.post("/v1/pods", json!({})).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_pod_key_is_confined_to_its_pod() {
    let sandbox = Sandbox::start().await.unwrap();
    let pod = sandbox.create_pod("tenant");
    let inside = sandbox.create_inbox_with(NewInbox::named("inside").pod("tenant"));
    let outside = sandbox.create_inbox("outside");
    let key = sandbox.create_key(Scope::Pod(pod.id.clone()));
    let rest = Rest::with_key(&sandbox, &key.token);

    let made = rest.post("/v1/inboxes", json!({"mailboxName": "more"})).await.expect(201);
    assert_eq!(made["podId"], pod.id.as_str());
    assert_eq!(rest.get("/v1/inboxes").await.expect(200)["total"], 2);
    assert_eq!(rest.get("/v1/pods").await.expect(200)["total"], 1);
    rest.get(&format!("/v1/inboxes/{}", outside.id)).await.refused(404, "not_found");
    let hook = json!({"webhookUrl": "http://127.0.0.1:1/"});
    let inside = format!("/v1/inboxes/{}", inside.id);
    rest.call(Method::PATCH, &inside, hook).await.refused(403, "forbidden");
    rest.call(Method::PATCH, &inside, json!({"displayName": "Jane"})).await.expect(200);
    rest.call(Method::DELETE, &inside, json!(null)).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_revoked_key_is_unauthorized_at_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = sandbox.create_key(Scope::Account);
    let rest = Rest::with_key(&sandbox, &key.token);
    rest.get("/v1/me").await.expect(200);
    assert!(sandbox.revoke_key(&key.id));
    rest.get("/v1/me").await.refused(401, "unauthorized");
}

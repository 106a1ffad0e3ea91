use openmail_sandbox::{Drift, Mail, Sandbox};
use serde_json::json;

use crate::client::{Rest, Socket};

#[tokio::test]
async fn answers_drift_as_ordered_and_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).cc(["a@x.example", "b@x.example"]));
    let rest = Rest::of(&sandbox);
    let messages = format!("/v1/inboxes/{}/messages", inbox.id);
    let threads = format!("/v1/inboxes/{}/threads", inbox.id);

    for drift in
        [Drift::NamedLists, Drift::SnakeIsRead, Drift::CcText, Drift::ErrorInCode, Drift::SendCreated]
    {
        sandbox.drift(drift);
    }
    let list = rest.get(&messages).await.expect(200);
    assert_eq!(list["messages"][0]["cc"], "a@x.example, b@x.example");
    assert!(list.get("data").is_none());
    assert_eq!(rest.get(&threads).await.expect(200)["threads"][0]["is_read"], false);
    let error = rest.get("/v1/inboxes/inb_nope").await.expect(404);
    assert_eq!((&error["code"], error.get("error")), (&json!("not_found"), None));
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    let sent = rest.send(&inbox, "k", body).await.expect(201);
    assert_eq!(sent["id"], sandbox.all_sent()[0].message_id.as_str());

    sandbox.undrift(Drift::NamedLists);
    assert!(rest.get(&messages).await.expect(200)["data"].is_array());
}

#[tokio::test]
async fn nobody_copied_can_be_null() {
    let sandbox = Sandbox::builder().drift(Drift::CcNull).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
    let rows = Rest::of(&sandbox).get(&format!("/v1/inboxes/{}/messages", inbox.id)).await.expect(200);
    assert!(rows["data"][0]["cc"].is_null());
}

#[tokio::test]
async fn an_older_deployment_knows_external_ids() {
    let sandbox = Sandbox::builder().drift(Drift::OlderInboxes).start().await.unwrap();
    let rest = Rest::of(&sandbox);
    let made =
        rest.post("/v1/inboxes", json!({"username": "jane", "externalId": "user_1"})).await.expect(201);
    assert_eq!(made["externalId"], "user_1");
    let address = made["address"].as_str().unwrap();
    assert!(address.starts_with("jane@"));
    let mut socket = Socket::subscribed(&sandbox).await;
    sandbox.deliver(Mail::from("ada@example.com").to(address));
    assert_eq!(socket.hear().await["external_id"], "user_1");
}

use openmail_sandbox::{NewInbox, Sandbox};
use serde_json::{Value, json};

use crate::{
    client::{Rest, Socket},
    webhook_receiver::Receiver,
};

fn to(address: &str) -> Value {
    json!({"to": address, "subject": "Hi", "body": "Hi"})
}

#[tokio::test]
async fn a_suspended_inbox_cannot_send_and_the_webhook_alone_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let (inbox, other) = (sandbox.create_inbox("support"), sandbox.create_inbox("billing"));
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    let mut socket = Socket::subscribed(&sandbox).await;
    let rest = Rest::of(&sandbox);

    sandbox.suspend_inbox(&inbox.id, "high_bounce_rate").unwrap();
    let event = receiver.next().await.json();
    assert_eq!((&event["event"], &event["reason"]), (&json!("inbox.suspended"), &json!("high_bounce_rate")));
    assert_eq!((&event["inbox_id"], &event["inbox_address"]), (&json!(inbox.id), &json!(inbox.address)));
    assert_eq!(event["pod_id"], inbox.pod_id.as_str());
    rest.send(&inbox, "1", to("a@b.example")).await.refused(403, "reputation_suspended");
    rest.send(&other, "2", to("a@b.example")).await.expect(200);

    sandbox.reactivate_inbox(&inbox.id).unwrap();
    let event = receiver.next().await.json();
    assert_eq!((&event["event"], &event["reason"]), (&json!("inbox.reactivated"), &Value::Null));
    rest.send(&inbox, "1", to("a@b.example")).await.expect(200);
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await["type"], "pong");
}

#[tokio::test]
async fn a_suspended_pod_suspends_its_inboxes() {
    let sandbox = Sandbox::start().await.unwrap();
    let pod = sandbox.create_pod("tenant");
    let inbox = sandbox.create_inbox_with(NewInbox::named("inside").pod(&pod.id));
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    let rest = Rest::of(&sandbox);
    sandbox.suspend_pod("tenant", "pod_degraded").unwrap();
    let event = receiver.next().await.json();
    assert_eq!((&event["event"], &event["pod_id"]), (&json!("pod.suspended"), &json!(pod.id)));
    assert!(event["inbox_id"].is_null() && event["inbox_address"].is_null());
    rest.send(&inbox, "1", to("a@b.example")).await.refused(403, "reputation_suspended");
    sandbox.reactivate_pod(&pod.id).unwrap();
    assert_eq!(receiver.next().await.json()["event"], "pod.reactivated");
    rest.send(&inbox, "1", to("a@b.example")).await.expect(200);
}

#[tokio::test]
async fn a_paused_or_banned_account_cannot_send() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    sandbox.pause_account(true);
    rest.send(&inbox, "1", to("a@b.example")).await.refused(402, "spend_cap_paused");
    rest.post("/v1/inboxes", json!({})).await.refused(402, "spend_cap_paused");
    sandbox.pause_account(false);
    sandbox.ban_account(true);
    rest.send(&inbox, "1", to("a@b.example")).await.refused(403, "account_banned");
    sandbox.ban_account(false);
    rest.send(&inbox, "1", to("a@b.example")).await.expect(200);
    assert_eq!(sandbox.counts().sends_refused, 2);
}

#[tokio::test]
async fn a_suppressed_or_refused_recipient_stops_the_mail_for_all() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    sandbox.suppress("Bounced@example.com", "bounce");
    sandbox.refuse_recipient("ghost@nowhere.example", "no_mx_records");
    let refused =
        rest.send(&inbox, "1", to("bounced@example.com")).await.refused(422, "recipient_suppressed");
    assert_eq!(refused["type"], "bounce");
    rest.send(&inbox, "2", to("ghost@nowhere.example")).await.refused(422, "no_mx_records");
    let mut copied = to("ada@example.com");
    copied["cc"] = json!(["bounced@example.com"]);
    rest.send(&inbox, "3", copied).await.refused(422, "recipient_suppressed");
    assert!(sandbox.all_sent().is_empty());
    sandbox.allow_recipient("bounced@example.com");
    rest.send(&inbox, "1", to("bounced@example.com")).await.expect(200);
}

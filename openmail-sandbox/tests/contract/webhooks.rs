use std::time::Duration;

use openmail_sandbox::{EventState, Mail, NewInbox, Sandbox, Transport, WebhookOutcome};
use reqwest::Method;
use serde_json::json;

use crate::{
    client::{PATIENCE, Rest, Socket},
    webhook_receiver::Receiver,
};

#[tokio::test]
async fn without_a_socket_the_webhook_gets_the_signed_event() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut receiver = Receiver::start().await;
    let secret = sandbox.set_account_webhook(receiver.url());
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
    let request = receiver.next().await;
    let timestamp: i64 = request.header("x-timestamp").parse().unwrap();
    assert!((sandbox.now().as_second() - timestamp).abs() < 60);
    assert_eq!(request.header("x-signature"), Sandbox::sign(&secret, timestamp, &request.body));
    assert_eq!(request.header("x-event-id"), mail.event_id);
    let event = request.json();
    assert_eq!((&event["event_id"], &event["attempt"]), (&json!(mail.event_id), &json!(1)));
    sandbox
        .wait_for(|view| (view.event(&mail.event_id)?.state == EventState::WebhookDelivered).then_some(()))
        .await;
}

#[test]
fn the_signature_is_the_documented_one() {
    // From an independent implementation: printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
    let expected = "35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";
    assert_eq!(Sandbox::sign("whsec_test", 1_700_000_000, b"{}"), expected);
}

#[tokio::test]
async fn a_socket_is_preferred_over_the_webhook() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    let mut socket = Socket::subscribed(&sandbox).await;
    let over_socket = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("1"));
    assert_eq!(socket.hear().await["event_id"], over_socket.event_id.as_str());
    sandbox.drop_sockets();
    let over_webhook = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("2"));
    assert_eq!(receiver.next().await.header("x-event-id"), over_webhook.event_id);
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn failures_are_retried_on_schedule_and_given_up_after_the_fifth() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    receiver.answer([500, 503, 404, 302, 500]);
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
    for (attempt, wait) in [(1, Some(30)), (2, Some(60)), (3, Some(120)), (4, Some(240)), (5, None)] {
        assert_eq!(receiver.next().await.json()["attempt"], attempt);
        sandbox.wait_for(|view| (view.webhook_attempts().len() == attempt).then_some(())).await;
        let (ended, next) =
            sandbox.look(|view| (view.webhook_attempts()[attempt - 1].at, view.next_webhook_attempt()));
        assert_eq!(next.map(|next| next.duration_since(ended).as_secs()), wait);
        sandbox.advance(Duration::from_secs(wait.unwrap_or_default().unsigned_abs()));
    }
    assert!(!receiver.has_more());
    let state = sandbox.event(&mail.event_id).unwrap().state;
    assert_eq!(state, EventState::Failed);
    let outcomes: Vec<_> = sandbox.webhook_attempts().iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [500, 503, 404, 302, 500].map(WebhookOutcome::Answered));
    assert_eq!(sandbox.counts().webhook_failures, 5);
}

#[tokio::test]
async fn a_retry_that_succeeds_is_the_last() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut receiver = Receiver::start().await;
    sandbox.set_account_webhook(receiver.url());
    receiver.answer([500]);
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
    let first = receiver.next().await;
    sandbox.wait_for(|view| (view.webhook_attempts().len() == 1).then_some(())).await;
    sandbox.advance(Duration::from_secs(30));
    let second = receiver.next().await;
    assert_eq!(first.header("x-event-id"), second.header("x-event-id"));
    assert_ne!(first.header("x-signature"), second.header("x-signature"));
    sandbox
        .wait_for(|view| (view.event(&mail.event_id)?.state == EventState::WebhookDelivered).then_some(()))
        .await;
}

#[tokio::test]
async fn nobody_there_and_nobody_in_time_are_failures() {
    let sandbox = Sandbox::builder().webhook_timeout(Duration::from_millis(50)).start().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/", listener.local_addr().unwrap());
    let slow = sandbox.create_inbox_with(NewInbox::named("slow").webhook(silent));
    let gone = sandbox.create_inbox_with(NewInbox::named("gone").webhook("http://127.0.0.1:1/"));
    for (inbox, outcome) in [(slow, WebhookOutcome::TimedOut), (gone, WebhookOutcome::Unreachable)] {
        let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
        let found = sandbox.wait_for(|view| {
            view.webhook_attempts().iter().find(|attempt| attempt.event_id == mail.event_id).cloned()
        });
        assert_eq!(found.await.outcome, outcome);
    }
}

#[tokio::test]
async fn an_inbox_has_its_own_webhook_and_a_rotated_secret_dies_at_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut own, mut account) = (Receiver::start().await, Receiver::start().await);
    sandbox.set_account_webhook(account.url());
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let path = format!("/v1/inboxes/{}", inbox.id);
    let set = rest.call(Method::PATCH, &path, json!({"webhookUrl": own.url()})).await.expect(200);
    let old = set["webhookSecret"].as_str().unwrap();
    let rotated = rest.post(&format!("{path}/webhook/rotate-secret"), json!({})).await.expect(200);
    let new = rotated["webhookSecret"].as_str().unwrap();
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
    let request = own.next().await;
    let timestamp = request.header("x-timestamp").parse().unwrap();
    assert_eq!(request.header("x-signature"), Sandbox::sign(new, timestamp, &request.body));
    assert_ne!(request.header("x-signature"), Sandbox::sign(old, timestamp, &request.body));

    let cleared = rest.call(Method::PATCH, &path, json!({"webhookUrl": null})).await.expect(200);
    assert!(cleared.get("webhookSecret").is_none());
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
    account.next().await;
    rest.post(&format!("{path}/webhook/rotate-secret"), json!({})).await.refused(400, "no_webhook_url");
    rest.post(&format!("{path}/webhook/test"), json!({})).await.refused(400, "no_webhook_url");
}

#[tokio::test]
async fn a_test_event_is_signed_and_its_failure_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut receiver = Receiver::start().await;
    let inbox = sandbox.create_inbox_with(NewInbox::named("support").webhook(receiver.url()));
    let rest = Rest::of(&sandbox);
    let path = format!("/v1/inboxes/{}/webhook/test", inbox.id);
    rest.post(&path, json!({})).await.expect(200);
    let request = receiver.next().await;
    let timestamp = request.header("x-timestamp").parse().unwrap();
    let secret = inbox.webhook_secret.unwrap();
    assert_eq!(request.header("x-signature"), Sandbox::sign(&secret, timestamp, &request.body));
    receiver.answer([500]);
    rest.post(&path, json!({})).await.refused(502, "webhook_failed");
}

#[tokio::test]
async fn with_neither_the_event_is_stored_and_marked_failed() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let first = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address));
    assert_eq!(sandbox.event(&mail.event_id).unwrap().state, EventState::Failed);
    let mut socket = Socket::open(&sandbox).await;
    socket.say(json!({"type": "subscribe", "last_event_id": first.event_id})).await;
    socket.hear().await;
    assert_eq!(socket.hear().await["event_id"], mail.event_id.as_str());
}

#[tokio::test]
async fn each_event_knows_the_attempts_to_hand_it_over() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = || Mail::from("ada@example.com").to(&inbox.address).text("Hi");
    let attempts = async |event_id: &str, count: usize| {
        let found = sandbox.wait_for(|view| {
            let deliveries = &view.event(event_id)?.deliveries;
            (deliveries.len() >= count).then(|| deliveries.clone())
        });
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    };
    // Nobody listens on the discard port.
    sandbox.set_account_webhook("http://127.0.0.1:9/hook");
    let event_id = sandbox.deliver(mail()).event_id;
    attempts(&event_id, 1).await;
    sandbox.advance(Duration::from_secs(30));
    let posted = attempts(&event_id, 2).await;
    assert_eq!(posted.iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2]);
    assert!(posted.iter().all(|one| one.transport == Transport::Webhook));
    assert!(posted.iter().all(|one| one.outcome == Some(WebhookOutcome::Unreachable)));
    assert!(posted[1].latency >= Duration::from_secs(30), "{posted:?}");

    let _socket = Socket::subscribed(&sandbox).await;
    let event_id = sandbox.deliver(mail()).event_id;
    let written = attempts(&event_id, 1).await;
    assert_eq!((written[0].transport, written[0].outcome), (Transport::Socket, None));
}

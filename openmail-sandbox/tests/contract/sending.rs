use std::time::Duration;

use openmail_sandbox::{Mail, Sandbox};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;

use crate::client::{Answer, Rest};

#[tokio::test]
async fn the_same_key_with_the_same_body_answers_the_first_response_and_sends_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    let first = rest.send(&inbox, "k", body.clone()).await.expect(200);
    let again = rest.send(&inbox, "k", body).await.expect(200);
    assert_eq!(first, again);
    assert_eq!(sandbox.all_sent().len(), 1);
    assert_eq!(sandbox.counts().sends_repeated, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_or_from_another_inbox_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let (inbox, other) = (sandbox.create_inbox("support"), sandbox.create_inbox("billing"));
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    rest.send(&inbox, "k", body.clone()).await.expect(200);
    rest.send(&other, "k", body).await.refused(422, "idempotency_key_reused");
    let changed = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi!"});
    rest.send(&inbox, "k", changed).await.refused(422, "idempotency_key_reused");
    assert_eq!(sandbox.counts().key_conflicts, 2);
    assert_eq!(sandbox.all_sent().len(), 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    rest.send(&inbox, "k", body.clone()).await.expect(200);
    sandbox.advance(Duration::from_secs(24 * 3600 - 60));
    rest.send(&inbox, "k", body.clone()).await.expect(200);
    assert_eq!(sandbox.all_sent().len(), 1);
    sandbox.advance(Duration::from_secs(120));
    rest.send(&inbox, "k", body).await.expect(200);
    assert_eq!(sandbox.all_sent().len(), 2);
}

#[tokio::test]
async fn a_refused_send_does_not_use_up_its_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hi"});
    sandbox.pause_account(true);
    rest.send(&inbox, "k", body.clone()).await.refused(402, "spend_cap_paused");
    sandbox.pause_account(false);
    rest.send(&inbox, "k", body).await.expect(200);
    assert_eq!(sandbox.all_sent().len(), 1);
}

#[tokio::test]
async fn files_leave_as_multipart_and_count_towards_the_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let send = async |content: &'static str| {
        let file = |name| Part::bytes(content.as_bytes()).file_name(name).mime_str("text/csv").unwrap();
        let form = Form::new()
            .text("to", "ada@example.com")
            .text("subject", "Figures")
            .text("body", "Here they are.")
            .text("includeQuote", "false")
            .text("cc", "grace@example.com")
            .text("cc", "alan@example.com")
            .part("attachments", file("a.csv"))
            .part("attachments", file("b.csv"));
        let request = rest.request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
        Answer::of(request.header("Idempotency-Key", "k").multipart(form).send().await.unwrap()).await
    };
    send("1,2").await.expect(200);
    send("1,2").await.expect(200);
    send("3,4").await.refused(422, "idempotency_key_reused");
    let sent = sandbox.all_sent().remove(0);
    assert_eq!(sent.cc, ["grace@example.com", "alan@example.com"]);
    let names: Vec<_> = sent.attachments.iter().map(|file| (&*file.filename, &*file.content_type)).collect();
    assert_eq!(names, [("a.csv", "text/csv"), ("b.csv", "text/csv")]);
    assert_eq!(sent.attachments[0].bytes, "1,2");
}

#[tokio::test]
async fn more_than_25_megabytes_of_files_are_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let half = || Part::bytes(vec![0; 13 * 1024 * 1024]).file_name("half.bin");
    let form = Form::new()
        .text("to", "ada@example.com")
        .text("subject", "Big")
        .text("body", "Big")
        .part("attachments", half())
        .part("attachments", half());
    let request = Rest::of(&sandbox)
        .request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id))
        .header("Idempotency-Key", "k")
        .multipart(form);
    Answer::of(request.send().await.unwrap()).await.refused(413, "payload_too_large");
    assert!(sandbox.all_sent().is_empty());
}

#[tokio::test]
async fn html_in_body_is_detected_and_text_sent_on_purpose_stays_text() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let send = async |key: &str, extra: serde_json::Value| {
        let mut body = json!({"to": "ada@example.com", "subject": "Hi"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        rest.send(&inbox, key, body).await.expect(200);
        sandbox.all_sent().pop().unwrap()
    };
    let detected = send("1", json!({"body": "<p>Hello <b>you</b></p>"})).await;
    assert_eq!(detected.html.as_deref(), Some("<p>Hello <b>you</b></p>"));
    assert_eq!(detected.text, "Hello you");
    let plain = send("2", json!({"body": "1 < 2"})).await;
    assert_eq!((plain.html, &*plain.text), (None, "1 < 2"));
    let both = send("3", json!({"body": "Vec<T>", "bodyHtml": "<p>Vec&lt;T&gt;</p>"})).await;
    assert_eq!((both.html.as_deref(), &*both.text), (Some("<p>Vec&lt;T&gt;</p>"), "Vec<T>"));
}

#[tokio::test]
async fn what_one_inbox_sends_to_another_is_received_there_in_one_thread() {
    let sandbox = Sandbox::start().await.unwrap();
    let (ann, bob) = (sandbox.create_inbox("ann"), sandbox.create_inbox("bob"));
    let rest = Rest::of(&sandbox);
    rest.send(&ann, "1", json!({"to": bob.address, "subject": "Hi", "body": "Hi Bob"})).await.expect(200);
    let received = sandbox.messages(&bob.id).remove(0);
    assert_eq!((&*received.from, &*received.text), (&*ann.address, "Hi Bob"));
    let reply = json!({"to": ann.address, "body": "Hi Ann", "threadId": received.thread_id});
    rest.send(&bob, "2", reply).await.expect(200);
    let threads = sandbox.threads(&ann.id);
    assert_eq!(threads.len(), 1);
    assert_eq!(threads[0].messages.len(), 2);
    assert!(!threads[0].is_read);
}

#[tokio::test]
async fn on_the_free_plan_answers_go_to_own_inboxes_only() {
    let sandbox = Sandbox::builder().plan("free").start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body =
        |reply_to: &str| json!({"to": "a@b.example", "subject": "x", "body": "x", "replyTo": reply_to});
    rest.send(&inbox, "1", body("me@else.example")).await.refused(403, "feature_requires_paid_plan");
    rest.send(&inbox, "2", body(&inbox.address)).await.expect(200);
}

#[tokio::test]
async fn an_unknown_thread_or_one_of_another_inbox_is_not_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let (inbox, other) = (sandbox.create_inbox("support"), sandbox.create_inbox("billing"));
    let foreign = sandbox.deliver(Mail::from("ada@example.com").to(&other.address).text("Hi"));
    let rest = Rest::of(&sandbox);
    for thread in ["thr_nope", &foreign.thread_id] {
        let body = json!({"to": "ada@example.com", "body": "Hi", "threadId": thread});
        rest.send(&inbox, "k", body).await.refused(404, "not_found");
    }
}

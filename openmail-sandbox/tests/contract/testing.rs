use std::time::Duration;

use futures_util::FutureExt;
use openmail_sandbox::{Fault, Inbox, Sandbox, testing::Answer};
use serde_json::json;

use crate::client::{Rest, Socket};

/// The plainest agent: says what it heard, to whom it heard it from; marks what a machine wrote as read.
async fn echo(sandbox: &Sandbox, inbox: &Inbox, mut socket: Socket) {
    let rest = Rest::of(sandbox);
    loop {
        let event = socket.hear().await;
        let (message, thread) = (&event["message"], &event["thread_id"]);
        if message["auto_replyable"] == false {
            let path = format!("/v1/threads/{}", thread.as_str().unwrap());
            rest.call(reqwest::Method::PATCH, &path, json!({"is_read": true})).await.expect(200);
            continue;
        }
        let to = message["from"].as_str().unwrap().rsplit('<').next().unwrap().trim_end_matches('>');
        let heard = format!("Heard: {}", message["body_text"].as_str().unwrap());
        let body = json!({"to": to, "body": heard, "threadId": thread});
        rest.send(inbox, message["id"].as_str().unwrap(), body).await.expect(200);
    }
}

async fn with_echo<T>(test: impl AsyncFnOnce(&Sandbox, &Inbox) -> T) -> T {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let socket = Socket::subscribed(&sandbox).await;
    tokio::select! {
        () = echo(&sandbox, &inbox, socket) => unreachable!("an echo never ends"),
        outcome = test(&sandbox, &inbox) => outcome,
    }
}

async fn panic_of<T>(future: impl Future<Output = T>) -> String {
    let panicked = std::panic::AssertUnwindSafe(future).catch_unwind().await;
    *panicked.err().expect("a panic").downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_correspondent_writes_and_waits_for_each_answer() {
    with_echo(async |sandbox, inbox| {
        let ada = sandbox.correspondent("Ada <ada@example.com>");
        let first = ada.write(inbox, "Hello", "one").answer().await;
        first.assert_says("Heard: one").assert_goes_to(["ada@example.com"]).assert_only_one();
        let second = ada.reply(&first, "two").answer().await;
        // What is quoted is not said.
        second.assert_says("Heard: two").assert_does_not_say("one");
        assert_eq!((&second.thread_id, &*second.subject), (&first.thread_id, "Re: Hello"));
        sandbox.assert_sent(2);
        sandbox.assert_well_behaved();
    })
    .await;
}

#[tokio::test]
async fn mail_of_machines_is_read_and_unanswered() {
    with_echo(async |sandbox, inbox| {
        let robot = sandbox.correspondent("robot@example.com");
        let mail = || robot.mail().to(&inbox.address).text("beep");
        robot.send(mail().auto_replyable(false)).assert_read_and_unanswered().await;
        let letter = robot.send(mail().subject("Beep"));
        let failure = panic_of(letter.assert_read_and_unanswered()).await;
        assert!(
            failure.contains("\"Beep\" was not to be answered, and was with \"Heard: beep\""),
            "{failure}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_fails_with_how_far_the_letter_got() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let ada = sandbox.correspondent("ada@example.com");
    let soon = Duration::from_millis(20);
    let failure = panic_of(ada.write(&inbox, "Hello", "?").within(soon).answer()).await;
    assert!(failure.contains("testing.rs") && failure.contains("reached nobody"), "{failure}");
    let _deaf = Socket::subscribed(&sandbox).await;
    let failure = panic_of(ada.write(&inbox, "Hello", "?").within(soon).answer()).await;
    assert!(failure.contains("handed to a socket; 1 socket(s) subscribed, 0 mail(s) sent"), "{failure}");
    sandbox.fault(Fault::HoldEvent);
    let failure = panic_of(ada.write(&inbox, "Hello", "?").within(soon).answer()).await;
    assert!(failure.contains("a fault holds the event back"), "{failure}");
}

#[tokio::test]
async fn assertions_say_what_they_found() {
    with_echo(async |sandbox, inbox| {
        let ada = sandbox.correspondent("ada@example.com");
        let answer = ada.write(inbox, "Hello", "one").answer().await;
        let fails = async |check: fn(&Answer<'_>)| panic_of(async { check(&answer) }).await;
        for (failure, found) in [
            (fails(|answer| _ = answer.assert_says("two")).await, "Heard: one"),
            (fails(|answer| _ = answer.assert_goes_to(["bob@example.com"])).await, "ada@example.com"),
            (fails(|answer| _ = answer.assert_attached("a.pdf")).await, "no file \"a.pdf\""),
            (panic_of(async { sandbox.assert_sent(0) }).await, "\"Re: Hello\" to ada@example.com"),
        ] {
            assert!(failure.contains(found), "{failure}");
        }
        Rest::with_key(sandbox, "om_wrong").get("/v1/me").await.refused(401, "unauthorized");
        let failure = panic_of(async { sandbox.assert_well_behaved() }).await;
        assert!(failure.contains("1 requests without a valid key"), "{failure}");
    })
    .await;
}

#[tokio::test]
async fn a_daily_limit_is_tested_by_moving_the_clock() {
    let sandbox = Sandbox::builder().daily(1).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body = || json!({"to": "ada@example.com", "subject": "Hi", "body": "x"});
    rest.send(&inbox, "k1", body()).await.expect(200);
    rest.send(&inbox, "k2", body()).await.refused(429, "rate_limit_exceeded");
    sandbox.advance_to_midnight();
    rest.send(&inbox, "k2", body()).await.expect(200);
}

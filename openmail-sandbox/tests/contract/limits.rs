use std::time::Duration;

use openmail_sandbox::{Inbox, Mail, Sandbox};
use serde_json::json;

use crate::client::{Answer, Rest};

const MINUTE: Duration = Duration::from_secs(60);

struct Sender {
    rest: Rest,
    inbox: Inbox,
    thread_id: String,
    sent: u32,
}

impl Sender {
    fn new(sandbox: &Sandbox, name: &str) -> Self {
        let inbox = sandbox.create_inbox(name);
        let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
        Self { rest: Rest::of(sandbox), inbox, thread_id: mail.thread_id, sent: 0 }
    }

    async fn reply(&mut self) -> Answer {
        self.sent += 1;
        let key = format!("{}-{}", self.inbox.id, self.sent);
        let body = json!({"to": "ada@example.com", "body": "Hi", "threadId": self.thread_id});
        self.rest.send(&self.inbox, &key, body).await
    }

    async fn write_to(&mut self, address: &str) -> Answer {
        self.sent += 1;
        let key = format!("{}-{}", self.inbox.id, self.sent);
        self.rest.send(&self.inbox, &key, json!({"to": address, "subject": "x", "body": "x"})).await
    }
}

/// Moves on to just after midnight UTC, so that no test straddles it.
fn begin_a_day(sandbox: &Sandbox) {
    let passed = sandbox.now().as_second().rem_euclid(86_400).unsigned_abs();
    sandbox.advance(Duration::from_secs(86_401 - passed));
}

#[tokio::test]
async fn ten_sends_a_minute_pass_and_the_eleventh_says_when_to_come_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut busy, mut idle) = (Sender::new(&sandbox, "busy"), Sender::new(&sandbox, "idle"));
    for _ in 0..10 {
        busy.reply().await.expect(200);
    }
    let refused = busy.reply().await;
    let wait = refused.retry_after.unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    refused.refused(429, "rate_limit_exceeded");
    idle.reply().await.expect(200);
    sandbox.advance(Duration::from_secs(wait));
    busy.reply().await.expect(200);
    assert_eq!(sandbox.counts().limits_exceeded, 1);
    assert_eq!(sandbox.sent(&busy.inbox.id).len(), 11);
}

#[tokio::test]
async fn the_day_ends_at_midnight_utc() {
    let sandbox = Sandbox::builder().burst(100).daily(3).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    begin_a_day(&sandbox);
    for _ in 0..3 {
        sender.reply().await.expect(200);
    }
    sandbox.advance(MINUTE);
    let refused = sender.reply().await;
    let wait = refused.retry_after.unwrap();
    refused.refused(429, "rate_limit_exceeded");
    let left = 86_400 - sandbox.now().as_second().rem_euclid(86_400);
    assert!(left.abs_diff(i64::try_from(wait).unwrap()) <= 10, "{wait} {left}");
    sandbox.advance(Duration::from_secs(wait));
    sender.reply().await.expect(200);
}

#[tokio::test]
async fn a_throttled_inbox_has_a_quarter_of_its_day() {
    let sandbox = Sandbox::builder().daily(4).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    begin_a_day(&sandbox);
    sandbox.throttle_inbox(&sender.inbox.id, true);
    sender.reply().await.expect(200);
    sender.reply().await.refused(429, "rate_limit_exceeded");
    sandbox.throttle_inbox(&sender.inbox.id, false);
    sender.reply().await.expect(200);
}

#[tokio::test]
async fn cold_recipients_are_counted_once_and_the_warm_ones_not() {
    let sandbox = Sandbox::builder().cold(2).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    begin_a_day(&sandbox);
    sender.write_to("ada@example.com").await.expect(200);
    sender.write_to("one@example.com").await.expect(200);
    sender.write_to("one@example.com").await.expect(200);
    sender.write_to("two@example.com").await.expect(200);
    let refused = sender.write_to("three@example.com").await.refused(429, "cold_outreach_limit");
    assert_eq!(refused["scope"], "inbox");
    assert_eq!(refused["limit"], 2);
    assert!(refused["resetsAt"].as_str().unwrap().ends_with("T00:00:00.000Z"));
    sender.reply().await.expect(200);
    sandbox.deliver(Mail::from("Three <three@example.com>").to(&sender.inbox.address).text("Hi"));
    sender.write_to("three@example.com").await.expect(200);
    sandbox.advance(Duration::from_secs(86_400));
    sender.write_to("four@example.com").await.expect(200);
}

#[tokio::test]
async fn the_whole_account_has_its_requests_a_minute() {
    let sandbox = Sandbox::builder().account_requests(3).start().await.unwrap();
    let rest = Rest::of(&sandbox);
    for _ in 0..3 {
        rest.get("/v1/me").await.expect(200);
    }
    let refused = rest.get("/v1/inboxes").await;
    assert!(refused.retry_after.is_some());
    refused.refused(429, "rate_limit_exceeded");
    sandbox.advance(MINUTE);
    rest.get("/v1/inboxes").await.expect(200);
}

#[tokio::test]
async fn a_day_has_a_number_of_new_inboxes() {
    let sandbox = Sandbox::builder().creations(1).start().await.unwrap();
    let rest = Rest::of(&sandbox);
    begin_a_day(&sandbox);
    rest.post("/v1/inboxes", json!({})).await.expect(201);
    rest.post("/v1/inboxes", json!({})).await.refused(429, "rate_limit_exceeded");
    sandbox.advance(Duration::from_secs(86_400));
    rest.post("/v1/inboxes", json!({})).await.expect(201);
}

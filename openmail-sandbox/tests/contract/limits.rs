use std::time::Duration;

use openmail_sandbox::{Inbox, Mail, Sandbox};
use serde_json::json;

use crate::client::{Answer, Rest};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

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
async fn an_inbox_that_is_no_longer_young_may_write_to_as_many_as_it_may_send() {
    let sandbox = Sandbox::builder().cold(1).daily(3).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    sender.write_to("one@example.com").await.expect(200);
    sender.write_to("two@example.com").await.refused(429, "cold_outreach_limit");
    sandbox.advance(30 * DAY);
    begin_a_day(&sandbox);
    for name in ["two", "three", "four"] {
        sender.write_to(&format!("{name}@example.com")).await.expect(200);
    }
    sender.write_to("five@example.com").await.refused(429, "rate_limit_exceeded");
}

#[tokio::test]
async fn a_throttled_inbox_has_half_of_its_new_recipients() {
    let sandbox = Sandbox::builder().cold(4).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    begin_a_day(&sandbox);
    sandbox.throttle_inbox(&sender.inbox.id, true);
    sender.write_to("one@example.com").await.expect(200);
    sender.write_to("two@example.com").await.expect(200);
    let refused = sender.write_to("three@example.com").await.refused(429, "cold_outreach_limit");
    assert_eq!(refused["limit"], 2);
}

#[tokio::test]
async fn new_recipients_are_counted_for_the_domain_and_the_account_over_all_inboxes() {
    for (scope, builder) in
        [("domain", Sandbox::builder().cold_domain(2)), ("customer", Sandbox::builder().cold_account(2))]
    {
        let sandbox = builder.start().await.unwrap();
        let (mut one, mut two) = (Sender::new(&sandbox, "one"), Sender::new(&sandbox, "two"));
        begin_a_day(&sandbox);
        one.write_to("new@example.com").await.expect(200);
        two.write_to("new@example.com").await.expect(200);
        let refused = two.write_to("third@example.com").await;
        let wait = i64::try_from(refused.retry_after.unwrap()).unwrap();
        let left = 86_400 - sandbox.now().as_second().rem_euclid(86_400);
        assert!(left.abs_diff(wait) <= 10, "{wait} {left}");
        let refused = refused.refused(429, "cold_outreach_limit");
        assert_eq!((&refused["scope"], &refused["limit"]), (&json!(scope), &json!(2)));
        assert!(refused["resetsAt"].as_str().unwrap().ends_with("T00:00:00.000Z"));
        two.write_to("new@example.com").await.expect(200);
        two.write_to("ada@example.com").await.expect(200);
        two.reply().await.expect(200);
        let own = one.inbox.address.clone();
        two.write_to(&own).await.expect(200);
        sandbox.advance(DAY);
        two.write_to("third@example.com").await.expect(200);
    }
}

#[tokio::test]
async fn the_accounts_cap_goes_by_plan_and_age() {
    for (plan, young, old) in
        [("free", Some(30), Some(100)), ("pro", Some(150), Some(500)), ("enterprise", None, None)]
    {
        let sandbox = Sandbox::builder().plan(plan).cold(1000).daily(1000).burst(1000).start().await.unwrap();
        let mut sender = Sender::new(&sandbox, "support");
        for limit in [young, old] {
            begin_a_day(&sandbox);
            let cc: Vec<_> = (0..limit.unwrap_or(600)).map(|n| format!("{n}@{plan}.example")).collect();
            let mail =
                |cc: &[String]| json!({"to": "ada@example.com", "subject": "x", "body": "x", "cc": cc});
            let one_more = [&cc[..], &["last@x.example".into()]].concat();
            sender.sent += 1;
            let key = format!("k{}", sender.sent);
            let refused = sender.rest.send(&sender.inbox, &key, mail(&one_more)).await;
            match limit {
                Some(limit) => {
                    let refused = refused.refused(429, "cold_outreach_limit");
                    assert_eq!((&refused["scope"], &refused["limit"]), (&json!("customer"), &json!(limit)));
                }
                None => drop(refused.expect(200)),
            }
            sandbox.advance(30 * DAY);
        }
    }
}

#[tokio::test]
async fn a_send_over_a_cap_is_refused_whole_and_counts_for_nothing() {
    let sandbox = Sandbox::builder().cold(2).start().await.unwrap();
    let mut sender = Sender::new(&sandbox, "support");
    begin_a_day(&sandbox);
    let body = json!({
        "to": "one@example.com", "subject": "x", "body": "x",
        "cc": ["two@example.com", "three@example.com", "ada@example.com"],
    });
    sender.rest.send(&sender.inbox, "k", body).await.refused(429, "cold_outreach_limit");
    sender.write_to("one@example.com").await.expect(200);
    sender.write_to("two@example.com").await.expect(200);
    assert_eq!(sandbox.all_sent().len(), 2);
}

#[tokio::test]
async fn an_account_can_have_a_day_of_its_own() {
    let sandbox = Sandbox::builder().account_daily(2).start().await.unwrap();
    let (mut one, mut two) = (Sender::new(&sandbox, "one"), Sender::new(&sandbox, "two"));
    begin_a_day(&sandbox);
    one.reply().await.expect(200);
    two.reply().await.expect(200);
    let refused = two.reply().await;
    assert!(refused.retry_after.unwrap() > 80_000);
    assert!(refused.refused(429, "rate_limit_exceeded")["message"].as_str().unwrap().contains("account"));
    sandbox.advance(DAY);
    two.reply().await.expect(200);
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
    let refused = rest.post("/v1/inboxes", json!({})).await;
    assert!(refused.retry_after.unwrap() > 80_000);
    refused.refused(429, "rate_limit_exceeded");
    sandbox.advance(DAY);
    rest.post("/v1/inboxes", json!({})).await.expect(201);
}

use std::time::Duration;

use openmail_sandbox::{Builder, Inbox, Sandbox};
use serde_json::json;

use crate::{client::Rest, webdriver::Browser, webhook_receiver::Receiver};

struct Sender {
    sandbox: Sandbox,
    inbox: Inbox,
    rest: Rest,
}

impl Sender {
    async fn new(builder: Builder) -> Self {
        let sandbox =
            builder.burst(10_000).daily(2000).cold(10_000).account_requests(None).start().await.unwrap();
        let inbox = sandbox.create_inbox("support");
        let rest = Rest::of(&sandbox);
        Self { sandbox, inbox, rest }
    }

    /// Sends so many mails, and returns their ids.
    async fn send(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let n = self.sandbox.all_sent().len();
            let body = json!({"to": format!("p{n}@example.com"), "subject": "x", "body": "x"});
            let sent = self.rest.send(&self.inbox, &format!("k{n}"), body).await.expect(200);
            ids.push(sent["messageId"].as_str().unwrap().to_owned());
        }
        ids
    }

    fn suspended(&self) -> Option<String> {
        self.sandbox.inbox(&self.inbox.id).unwrap().suspended
    }
}

fn sandbox() -> Builder {
    Sandbox::builder().cold_account(None)
}

#[tokio::test]
async fn a_bounce_fails_the_mail_and_suppresses_its_recipient() {
    let sender = Sender::new(sandbox()).await;
    let mails = sender.send(2).await;
    sender.sandbox.bounce(&mails[0]);
    sender.sandbox.complain(&mails[1]);
    let rows = sender.rest.get(&format!("/v1/inboxes/{}/messages", sender.inbox.id)).await.expect(200);
    let statuses: Vec<_> = (0..2).map(|at| rows["data"][at]["status"].clone()).collect();
    assert_eq!(statuses, ["sent", "failed"]);
    for (to, kind) in [("p0@example.com", "bounce"), ("p1@example.com", "complaint")] {
        let body = json!({"to": to, "subject": "x", "body": "again"});
        let refused = sender.rest.send(&sender.inbox, to, body).await.refused(422, "recipient_suppressed");
        assert_eq!(refused["type"], kind);
    }
}

#[tokio::test]
async fn five_bounces_of_thirty_sends_in_a_day_suspend_and_only_a_hand_lifts_it() {
    let sender = Sender::new(sandbox()).await;
    let mut receiver = Receiver::start().await;
    sender.sandbox.set_account_webhook(receiver.url());
    let mails = sender.send(30).await;
    mails[..4].iter().for_each(|mail| sender.sandbox.bounce(mail));
    // One mail bounces once, however often it is said.
    sender.sandbox.bounce(&mails[0]);
    assert_eq!(sender.suspended(), None);
    sender.sandbox.bounce(&mails[4]);
    assert_eq!(sender.suspended().as_deref(), Some("high_bounce_rate"));
    let event = receiver.next().await.json();
    assert_eq!((&event["event"], &event["reason"]), (&json!("inbox.suspended"), &json!("high_bounce_rate")));
    let body = json!({"to": "new@example.com", "subject": "x", "body": "x"});
    sender.rest.send(&sender.inbox, "new", body.clone()).await.refused(403, "reputation_suspended");
    sender.sandbox.advance(Duration::from_secs(30 * 86_400));
    sender.rest.send(&sender.inbox, "new", body.clone()).await.refused(403, "reputation_suspended");
    sender.sandbox.reactivate_inbox(&sender.inbox.id);
    sender.rest.send(&sender.inbox, "new", body).await.expect(200);
}

#[tokio::test]
async fn few_bounces_of_few_sends_have_no_consequence() {
    let sender = Sender::new(sandbox()).await;
    let mails = sender.send(19).await;
    mails.iter().for_each(|mail| sender.sandbox.bounce(mail));
    assert_eq!(sender.suspended(), None);
}

#[tokio::test]
async fn one_bounce_in_twenty_throttles_until_the_rate_falls() {
    let sender = Sender::new(sandbox()).await;
    let mails = sender.send(100).await;
    mails[..5].iter().for_each(|mail| sender.sandbox.bounce(mail));
    assert_eq!(sender.suspended(), None);
    let limit = async || sender.rest.overview().await.1["inboxes"][0]["day"]["limit"].clone();
    assert_eq!(limit().await, 500);
    sender.sandbox.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(limit().await, 2000);
}

#[tokio::test]
async fn three_complaints_of_two_hundred_sends_in_a_day_suspend() {
    let sender = Sender::new(sandbox()).await;
    let mails = sender.send(200).await;
    mails[..2].iter().for_each(|mail| sender.sandbox.complain(mail));
    assert_eq!(sender.suspended(), None);
    sender.sandbox.complain(&mails[2]);
    assert_eq!(sender.suspended().as_deref(), Some("high_complaint_rate"));
}

#[tokio::test]
async fn the_people_outside_bounce_and_report_on_the_page() {
    let sender = Sender::new(sandbox()).await;
    sender.send(1).await;
    let thread_id = sender.sandbox.all_sent()[0].thread_id.clone();
    let url = format!("{}/#{thread_id}", sender.sandbox.base_url());
    let Some(page) = Browser::open(1440, 900, &url).await else { return };
    page.click(".letter footer button").await;
    page.wait_for_text(".fate", "Bounced").await;
    page.click(".letter footer button:nth-of-type(2)").await;
    page.wait_for_text(".fate", "Reported as spam").await;
}

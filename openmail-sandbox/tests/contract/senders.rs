use openmail_sandbox::{FilterMode, Inbox, Mail, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::{
    client::{Answer, Rest, Socket},
    smtp_client::Client,
    webdriver::Browser,
};

fn from(sender: &str, inbox: &Inbox) -> Mail {
    Mail::from(sender).to(&inbox.address).subject("Offer").text("Buy!")
}

#[tokio::test]
async fn mail_of_a_blocked_sender_vanishes_without_message_event_or_warmth() {
    let sandbox = Sandbox::builder().cold(0).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    sandbox.block_sender("eve@example.com");
    sandbox.block_sender("Bad.Example");
    for sender in ["Eve <EVE@example.com>", "a@bad.example"] {
        assert!(sandbox.deliver_all(from(sender, &inbox)).is_empty(), "{sender}");
    }
    sandbox.deliver(from("a@mail.bad.example", &inbox));
    assert_eq!(socket.hear().await["message"]["from"], "a@mail.bad.example");
    assert_eq!((sandbox.messages(&inbox.id).len(), sandbox.look(|view| view.events().len())), (1, 1));
    let dropped = sandbox.dropped_mails();
    assert_eq!((dropped.len(), &*dropped[0].from, dropped[0].is_blocked), (2, "Eve <EVE@example.com>", true));
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "eve@example.com", "subject": "x", "body": "x"});
    rest.send(&inbox, "k", body).await.refused(429, "cold_outreach_limit");

    sandbox.remove_sender_rules("eve@example.com");
    sandbox.deliver(from("eve@example.com", &inbox));
}

#[tokio::test]
async fn on_the_allowlist_only_those_who_are_allowed_get_through_and_a_block_wins() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    sandbox.allow_sender("example.com");
    sandbox.allow_sender("bob@else.example");
    sandbox.block_sender("eve@example.com");
    sandbox.deliver(from("stranger@else.example", &inbox));
    sandbox.set_filter_mode(FilterMode::Allowlist);
    for (sender, passes) in [
        ("ada@example.com", true),
        ("bob@else.example", true),
        ("eve@example.com", false),
        ("stranger@else.example", false),
    ] {
        assert_eq!(sandbox.deliver_all(from(sender, &inbox)).len(), usize::from(passes), "{sender}");
    }
    let why: Vec<_> = sandbox.dropped_mails().iter().map(|mail| mail.is_blocked).collect();
    assert_eq!(why, [true, false]);
}

#[tokio::test]
async fn over_smtp_the_header_counts_and_the_sender_is_not_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    sandbox.block_sender("bad.example");
    let mut client = Client::greeted(&sandbox).await;
    let text = "From: Eve <eve@bad.example>\nSubject: Offer\n\nBuy!";
    assert_eq!(client.mail("bounces@mailer.example", &[&inbox.address], text).await.0, 250);
    let text = "From: ada@example.com\n\nHi";
    assert_eq!(client.mail("bounces@bad.example", &[&inbox.address], text).await.0, 250);
    let senders: Vec<_> = sandbox.messages(&inbox.id).into_iter().map(|message| message.from).collect();
    assert_eq!(senders, ["ada@example.com"]);
    assert_eq!(sandbox.dropped_mails().len(), 1);
}

#[tokio::test]
async fn the_control_interface_says_that_a_rule_kept_a_mail_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let rule = |kind: &str, sender: &str| json!({"kind": kind, "sender": sender});
    assert_eq!(rest.post("/sandbox/senders", rule("block", "eve@example.com")).await.status, 204);
    rest.post("/sandbox/senders", rule("block", "no domain")).await.refused(400, "bad_request");
    let mail = json!({"from": "eve@example.com", "to": inbox.address, "text": "Buy!"});
    let answer = rest.post("/sandbox/mail", mail.clone()).await.expect(202);
    assert_eq!(answer["delivered"], json!([]));
    assert!(answer["dropped"].is_string());
    let path = "/sandbox/senders/eve%40example.com";
    let removed = Answer::of(rest.request(Method::DELETE, path).send().await.unwrap()).await;
    assert_eq!(removed.status, 204);
    rest.post("/sandbox/mail", mail).await.expect(201);
}

#[tokio::test]
async fn senders_are_blocked_and_allowed_on_the_page() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let Some(page) = Browser::open(1440, 900, sandbox.base_url()).await else { return };
    page.click("#tab-account").await;
    page.fill("#rule-sender", "bad.example").await;
    page.click(".new-rule button[value=block]").await;
    page.wait_for_text(".rules .block", "bad.example").await;
    sandbox.deliver_all(from("eve@bad.example", &inbox));
    page.wait_for_text(".dropped", "blocked").await;
    page.click("#allowlist").await;
    page.wait_for_text("#notice", "Only those who are allowed may write.").await;
    assert!(sandbox.deliver_all(from("ada@example.com", &inbox)).is_empty());
    page.click(".rules button").await;
    page.wait_for("document.querySelector('.rules').childElementCount === 0").await;
    assert!(sandbox.sender_rules().is_empty());
}

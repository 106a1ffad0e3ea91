use std::time::Duration;

use openmail_sandbox::{Fault, Inbox, RelayOutcome, Sandbox, Sent, View};
use serde_json::json;
use tokio::{net::TcpSocket, time::timeout};

use crate::{
    client::{PATIENCE, Rest},
    smtp_client::Client,
    webdriver::Browser,
};

/// A sandbox that plays the mail server of the world outside, with one inbox.
async fn outside() -> (Sandbox, Inbox) {
    let outside = Sandbox::builder().domain("outside.test").start().await.unwrap();
    let ada = outside.create_inbox("ada");
    (outside, ada)
}

async fn relaying_to(outside: &Sandbox) -> (Sandbox, Inbox, Rest) {
    let sandbox = Sandbox::builder().relay(format!("smtp://{}", outside.smtp_addr())).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    (sandbox, inbox, rest)
}

async fn send(rest: &Rest, inbox: &Inbox, key: &str, to: &str, cc: &[&str]) {
    let body = json!({"to": to, "subject": "Hi", "body": "Hello", "cc": cc});
    rest.send(inbox, key, body).await.expect(200);
}

/// The first mail, once so many attempts have been made to hand it over.
async fn attempted(sandbox: &Sandbox, attempts: usize) -> Sent {
    let found = sandbox.wait_for(|view| {
        let sent = view.all_sent().first()?;
        (sent.relay_attempts.len() >= attempts).then(|| sent.clone())
    });
    timeout(PATIENCE, found).await.unwrap()
}

fn outcomes(sent: &Sent) -> Vec<RelayOutcome> {
    sent.relay_attempts.iter().map(|attempt| attempt.outcome).collect()
}

#[tokio::test]
async fn what_the_server_does_not_take_now_is_tried_again() {
    let (outside, ada) = outside().await;
    let (sandbox, inbox, rest) = relaying_to(&outside).await;
    outside.fault_next(2, Fault::RefuseMail { status: 451 });
    send(&rest, &inbox, "k", &ada.address, &[]).await;
    for (attempts, wait) in [(1, 5), (2, 30)] {
        let sent = attempted(&sandbox, attempts).await;
        let last = sent.relay_attempts.last().unwrap();
        assert_eq!(last.next.unwrap().duration_since(last.at).as_secs(), wait);
        assert_eq!((last.outcome, sent.relayed), (RelayOutcome::Deferred { status: Some(451) }, None));
        sandbox.advance(Duration::from_secs(wait.unsigned_abs()));
    }
    let sent = attempted(&sandbox, 3).await;
    assert_eq!((sent.relayed, sent.relay_attempts[2].attempt), (Some(true), 3));
    assert_eq!((outside.messages(&ada.id).len(), sandbox.counts().relay_failures), (1, 2));
}

#[tokio::test]
async fn a_server_that_comes_back_gets_what_waited() {
    let place = TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = place.local_addr().unwrap();
    let sandbox = Sandbox::builder().relay(format!("smtp://{addr}")).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    send(&Rest::of(&sandbox), &inbox, "k", "ada@outside.test", &[]).await;
    let sent = attempted(&sandbox, 1).await;
    assert_eq!((outcomes(&sent), sent.relayed), (vec![RelayOutcome::Deferred { status: None }], None));

    drop(place);
    let outside = Sandbox::builder().domain("outside.test").smtp_addr(addr).start().await.unwrap();
    let ada = outside.create_inbox("ada");
    sandbox.advance(Duration::from_secs(5));
    assert_eq!(attempted(&sandbox, 2).await.relayed, Some(true));
    assert_eq!(outside.messages(&ada.id).len(), 1);
}

#[tokio::test]
async fn after_the_sixth_failure_the_mail_has_failed() {
    let (outside, ada) = outside().await;
    let (sandbox, inbox, rest) = relaying_to(&outside).await;
    outside.fault(Fault::RefuseMail { status: 452 });
    send(&rest, &inbox, "k", &ada.address, &[]).await;
    for attempts in 1..=6 {
        attempted(&sandbox, attempts).await;
        sandbox.advance(Duration::from_secs(3600));
    }
    let sent = attempted(&sandbox, 6).await;
    assert_eq!((sent.relayed, sent.relay_attempts[5].next), (Some(false), None));
    let rows = rest.get(&format!("/v1/inboxes/{}/messages", inbox.id)).await.expect(200);
    assert_eq!(rows["data"][0]["status"], "failed");
    // It was never said that there is no such address.
    send(&rest, &inbox, "k2", &ada.address, &[]).await;
}

#[tokio::test]
async fn an_address_that_there_is_not_bounces_and_is_suppressed() {
    let (outside, ada) = outside().await;
    let (sandbox, inbox, rest) = relaying_to(&outside).await;
    send(&rest, &inbox, "k", &ada.address, &["nobody@outside.test"]).await;
    let sent = attempted(&sandbox, 3).await;
    let refused = RelayOutcome::Refused { status: Some(550) };
    assert_eq!(sent.relayed, Some(false));
    assert_eq!(outcomes(&sent), [refused, RelayOutcome::Taken, refused]);
    assert_eq!(outside.messages(&ada.id).len(), 1);
    let rows = rest.get(&format!("/v1/threads/{}/messages", sent.thread_id)).await.expect(200);
    assert_eq!(rows["data"][0]["status"], "failed");

    let again = json!({"to": "nobody@outside.test", "subject": "Hi", "body": "Still there?"});
    let refused = rest.send(&inbox, "k2", again).await.refused(422, "recipient_suppressed");
    assert_eq!(refused["type"], "bounce");
    send(&rest, &inbox, "k3", &ada.address, &[]).await;
}

#[tokio::test]
async fn the_page_tells_how_the_relay_takes_a_mail() {
    let (outside, ada) = outside().await;
    let (sandbox, inbox, rest) = relaying_to(&outside).await;
    // Until it was seen: a browser may take longer to start than the relay waits.
    let refusing = outside.fault(Fault::RefuseMail { status: 451 });
    send(&rest, &inbox, "k", &ada.address, &[]).await;
    let sent = attempted(&sandbox, 1).await;
    let url = format!("{}/#{}", sandbox.base_url(), sent.thread_id);
    let Some(page) = Browser::open(1440, 900, &url).await else { return };
    page.wait_for_text(".fate", "The relay said 451. Attempt").await;
    outside.lift(refusing);
    sandbox.advance(Duration::from_secs(600));
    page.wait_for_text(".fate", "Relayed, at attempt").await;
}

#[tokio::test]
async fn mail_over_smtp_is_refused_as_ordered() {
    let (outside, ada) = outside().await;
    outside.fault_next(1, Fault::RefuseMail { status: 451 });
    let mut client = Client::greeted(&outside).await;
    client.say("MAIL FROM:<a@b.example>\r\n").await;
    assert_eq!(client.say(&format!("RCPT TO:<{}>\r\n", ada.address)).await.0, 451);
    assert_eq!(client.say(&format!("RCPT TO:<{}>\r\n", ada.address)).await.0, 250);
}

#[tokio::test]
async fn a_relay_gets_what_leaves_for_outside() {
    let (outside, ada) = outside().await;
    let (sandbox, inbox, rest) = relaying_to(&outside).await;
    let other = sandbox.create_inbox("other");
    send(&rest, &inbox, "k1", &other.address, &[]).await;
    send(&rest, &inbox, "k2", &ada.address, &[&other.address]).await;
    send(&rest, &inbox, "k3", "nobody@outside.test", &[]).await;
    let relayed = |view: &View<'_>| {
        let relayed: Vec<_> = view.all_sent().iter().map(|sent| sent.relayed).collect();
        relayed[2].is_some().then_some(relayed)
    };
    let relayed = timeout(PATIENCE, sandbox.wait_for(relayed)).await.unwrap();
    assert_eq!(relayed, [None, Some(true), Some(false)]);
    let received = outside.messages(&ada.id);
    assert_eq!(
        (received.len(), &received[0].from, &received[0].cc),
        (1, &inbox.address, &vec![other.address])
    );
}

#[tokio::test]
async fn a_relay_that_is_no_address_is_said_to_be_none() {
    let error = Sandbox::builder().relay("nowhere").start().await.unwrap_err();
    assert!(error.to_string().contains("smtp://"), "{error}");
}

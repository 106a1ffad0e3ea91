use std::time::Duration;

use openmail_sandbox::{Delivered, Drift, Mail, Sandbox};

use crate::client::{Rest, Socket};

fn deliver(sandbox: &Sandbox, filename: &str, content_type: &str, content: &'static [u8]) -> Delivered {
    let inbox = sandbox.inboxes().pop().unwrap_or_else(|| sandbox.create_inbox("support"));
    sandbox.deliver(Mail::from("a@b.example").to(&inbox.address).attachment(filename, content_type, content))
}

#[tokio::test]
async fn a_file_is_fetched_from_another_host_without_the_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let mail = deliver(&sandbox, "data.bin", "application/x-data", b"\x00\x01");
    let rest = Rest::of(&sandbox);
    let answer = rest.get(&format!("/v1/attachments/{}/data.bin", mail.message_id)).await;
    assert_eq!(answer.status, 302);
    let location = answer.location.unwrap();
    assert!(!location.starts_with(sandbox.base_url()), "{location}");

    let file = reqwest::get(&location).await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/x-data");
    assert_eq!(file.bytes().await.unwrap(), &b"\x00\x01"[..]);
    let counts = sandbox.counts();
    assert_eq!((counts.storage_requests, counts.storage_requests_with_key), (1, 0));

    reqwest::Client::new().get(&location).bearer_auth("om_leaked").send().await.unwrap();
    assert_eq!(sandbox.counts().storage_requests_with_key, 1);
}

#[tokio::test]
async fn a_signed_address_is_good_for_15_minutes_and_for_one_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let (one, two) = (deliver(&sandbox, "a", "x/y", b"1"), deliver(&sandbox, "a", "x/y", b"2"));
    let answer = Rest::of(&sandbox).get(&format!("/v1/attachments/{}/a", one.message_id)).await;
    let location = answer.location.unwrap();
    assert_eq!(reqwest::get(&location).await.unwrap().status(), 200);
    let forged = location.replace(&one.message_id, &two.message_id);
    assert_eq!(reqwest::get(&forged).await.unwrap().status(), 403);
    sandbox.advance(Duration::from_secs(15 * 60 + 2));
    assert_eq!(reqwest::get(&location).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_hostile_name_is_percent_encoded_in_the_event_and_found_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    let name = "../../etc/passwd? #ü%2f.txt";
    sandbox.deliver(Mail::from("a@b.example").to(&inbox.address).attachment(name, "text/plain", "root"));
    let event = socket.hear().await;
    let file = &event["message"]["attachments"][0];
    assert_eq!(file["filename"], name);
    assert_eq!(file["sizeBytes"], 4);
    assert_eq!(file["parsedText"], "root");
    let url = file["url"].as_str().unwrap();
    let path = url.strip_prefix(sandbox.base_url()).unwrap();
    assert_eq!(Rest::of(&sandbox).get(&format!("{path}/text")).await.expect(200)["text"], "root");
}

#[tokio::test]
async fn an_older_deployment_gives_the_bytes_at_once() {
    let sandbox = Sandbox::builder().drift(Drift::AttachmentInline).start().await.unwrap();
    let mail = deliver(&sandbox, "a.txt", "text/plain", b"here");
    let answer = Rest::of(&sandbox).get(&format!("/v1/attachments/{}/a.txt", mail.message_id)).await;
    assert_eq!((answer.status, &*answer.text), (200, "here"));
}

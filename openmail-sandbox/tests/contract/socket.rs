use openmail_sandbox::{Mail, Sandbox};

use crate::client::Socket;

#[tokio::test]
async fn a_subscribed_socket_is_told_of_new_mail() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).subject("Hi").text("Hello"));
    let event = socket.hear().await;
    assert_eq!(event["event"], "message.received");
    assert_eq!(event["event_id"], mail.event_id.as_str());
    assert_eq!(event["message"]["id"], mail.message_id.as_str());
    assert_eq!(event["message"]["body_text"], "Hello");
    assert!(event.get("type").is_none());
}

use openmail_sandbox::{Mail, Sandbox};
use serde_json::json;

use crate::client::Rest;

#[tokio::test]
async fn a_reply_lands_in_its_thread_with_headers_and_marks_it_read() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = sandbox.deliver(
        Mail::from("Ada <ada@example.com>").to(&inbox.address).subject("Order").text("Where\nis it?"),
    );
    let body = json!({"to": "ada@example.com", "body": "On its way.", "threadId": mail.thread_id});
    let answer = Rest::of(&sandbox).send(&inbox, "k1", body).await.expect(200);
    assert_eq!(answer["threadId"], mail.thread_id.as_str());
    assert_eq!(answer["status"], "sent");

    let sent = sandbox.sent(&inbox.id).remove(0);
    assert_eq!(sent.message_id, answer["messageId"]);
    assert_eq!(sent.subject, "Re: Order");
    assert_eq!(sent.in_reply_to.as_deref(), Some(&*mail.rfc_message_id));
    assert_eq!(sent.references, [mail.rfc_message_id]);
    assert_eq!(sent.body, "On its way.");
    assert!(sent.text.contains("> Where\n> is it?"), "{}", sent.text);
    let thread = sandbox.thread(&mail.thread_id).unwrap();
    assert!(thread.is_read);
    assert_eq!(thread.messages.len(), 2);
}

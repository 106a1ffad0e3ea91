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
    assert_eq!(answer["messageId"], sent.message_id.as_str());
    assert_eq!(sent.subject, "Re: Order");
    assert_eq!(sent.in_reply_to.as_deref(), Some(&*mail.rfc_message_id));
    assert_eq!(sent.references, [mail.rfc_message_id]);
    assert_eq!(sent.body, "On its way.");
    assert!(sent.text.contains("> Where\n> is it?"), "{}", sent.text);
    let thread = sandbox.thread(&mail.thread_id).unwrap();
    assert!(thread.is_read);
    assert_eq!(thread.messages.len(), 2);
}

#[tokio::test]
async fn a_quote_can_be_declined() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail =
        sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).subject("Re: Order").text("Hm"));
    let body =
        json!({"to": "ada@example.com", "body": "Yes.", "threadId": mail.thread_id, "includeQuote": false});
    Rest::of(&sandbox).send(&inbox, "k", body).await.expect(200);
    let sent = sandbox.all_sent().remove(0);
    assert_eq!((&*sent.text, &*sent.subject), ("Yes.", "Re: Order"));
}

#[tokio::test]
async fn mail_finds_its_thread_by_header_and_makes_it_unread_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let first = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).subject("Order").text("1"));
    let body = json!({"to": "ada@example.com", "body": "2", "threadId": first.thread_id});
    Rest::of(&sandbox).send(&inbox, "k", body).await.expect(200);
    let sent = sandbox.all_sent().remove(0);

    let mail = || Mail::from("ada@example.com").to(&inbox.address).text("3");
    let by_reply = sandbox.deliver(mail().in_reply_to(&sent.rfc_message_id));
    let by_references = sandbox.deliver(mail().references(["<unknown@x>", &*first.rfc_message_id]));
    let by_thread = sandbox.deliver(mail().in_thread(&first.thread_id));
    let new = sandbox.deliver(mail().in_reply_to("<unknown@x>"));
    for one in [&by_reply, &by_references, &by_thread] {
        assert_eq!(one.thread_id, first.thread_id);
    }
    assert_ne!(new.thread_id, first.thread_id);
    let thread = sandbox.thread(&first.thread_id).unwrap();
    assert!(!thread.is_read);
    let last = thread.messages.last().unwrap();
    assert_eq!(last.subject.as_deref(), Some("Re: Order"));
    assert_eq!(last.in_reply_to.as_deref(), Some(&*by_references.rfc_message_id));
}

#[tokio::test]
async fn where_the_inbox_was_copied_the_service_copies_the_sender_of_the_original() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = sandbox.deliver(
        Mail::from("Ada <ada@example.com>")
            .to(&inbox.address)
            .cc_only("grace@else.example")
            .cc(["alan@example.com"])
            .subject("Plan")
            .text("Look"),
    );
    let rest = Rest::of(&sandbox);
    let path = format!("/v1/inboxes/{}/messages?direction=inbound", inbox.id);
    let row = rest.get(&path).await.expect(200)["data"][0].clone();
    assert_eq!(row["deliveryRole"], "cc");
    assert_eq!(row["headerTo"], "grace@else.example");
    assert_eq!(row["toAddr"], inbox.address.as_str());
    assert_eq!(row["cc"], json!([inbox.address, "alan@example.com"]));

    let body = json!({"to": "grace@else.example", "body": "Fine", "threadId": mail.thread_id});
    rest.send(&inbox, "k", body).await.expect(200);
    assert_eq!(sandbox.all_sent()[0].cc, ["ada@example.com"]);
}

#[tokio::test]
async fn one_mail_to_two_inboxes_is_two_messages() {
    let sandbox = Sandbox::start().await.unwrap();
    let (ann, bob) = (sandbox.create_inbox("ann"), sandbox.create_inbox("bob"));
    let mail =
        Mail::from("ada@example.com").to(&ann.address).cc([&bob.address]).to(&ann.address).text("Both");
    let delivered = sandbox.deliver_all(mail);
    let inboxes: Vec<_> = delivered.iter().map(|one| &one.inbox_id).collect();
    assert_eq!(inboxes, [&ann.id, &bob.id]);
    assert_ne!(delivered[0].message_id, delivered[1].message_id);
    assert_eq!(delivered[0].rfc_message_id, delivered[1].rfc_message_id);
    assert!(sandbox.deliver_all(Mail::from("ada@example.com").to("nobody@else.example")).is_empty());
}

#[tokio::test]
async fn a_long_thread_keeps_its_first_reference_and_the_latest() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = || Mail::from("ada@example.com").to(&inbox.address).text("Hi");
    let first = sandbox.deliver(mail());
    let mut last = first.clone();
    for _ in 0..40 {
        last = sandbox.deliver(mail().in_thread(&first.thread_id));
    }
    let thread = sandbox.thread(&last.thread_id).unwrap();
    let references = &thread.messages.last().unwrap().references;
    assert_eq!((references.len(), &references[0]), (20, &first.rfc_message_id));
    assert_eq!(references[19], thread.messages[39].rfc_message_id);
}

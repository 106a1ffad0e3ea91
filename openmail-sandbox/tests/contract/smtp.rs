use openmail_sandbox::{DeliveryRole, Mail, Sandbox};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt},
    time::timeout,
};

use crate::{
    client::{PATIENCE, Rest, Socket},
    smtp_client::Client,
};

#[tokio::test]
async fn a_mail_over_smtp_reaches_sockets_and_rest_as_any_other() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    let mut client = Client::greeted(&sandbox).await;
    let text = "From: Ada <ada@example.com>\nTo: Support <support@sandbox.openmail.test>\nSubject: Order\n\
                Message-ID: <one@example.com>\n\nWhere is it?\n..hidden";
    let (code, reply) = client.mail("ada@example.com", &[&inbox.address], text).await;
    let event = socket.hear().await;
    assert_eq!(code, 250);
    assert!(reply.contains(event["message"]["id"].as_str().unwrap()), "{reply}");
    let message = &event["message"];
    assert_eq!((&message["from"], &message["subject"]), (&json!("Ada <ada@example.com>"), &json!("Order")));
    assert_eq!(message["rfc_message_id"], "<one@example.com>");
    assert_eq!(message["body_text"].as_str().unwrap().trim_end(), "Where is it?\n.hidden");
    assert_eq!((&message["category"], &message["auto_replyable"]), (&json!("personal"), &json!(true)));
    let rows = Rest::of(&sandbox).get(&format!("/v1/inboxes/{}/messages", inbox.id)).await.expect(200);
    assert_eq!(rows["data"][0]["headerTo"], "Support <support@sandbox.openmail.test>");
}

#[tokio::test]
async fn an_answer_over_smtp_lands_in_the_thread_of_what_it_answers() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut client = Client::greeted(&sandbox).await;
    let first = "From: ada@example.com\nMessage-ID: <one@example.com>\nSubject: Order\n\nWhere?";
    client.mail("ada@example.com", &[&inbox.address], first).await;
    let thread_id = sandbox.threads(&inbox.id)[0].id.clone();
    let body = json!({"to": "ada@example.com", "body": "On its way.", "threadId": thread_id});
    Rest::of(&sandbox).send(&inbox, "k", body).await.expect(200);
    let sent = &sandbox.all_sent()[0].rfc_message_id;
    for header in [format!("In-Reply-To: {sent}"), "References: <x@y> <one@example.com>".into()] {
        let answer = format!("From: ada@example.com\nSubject: Re: Order\n{header}\n\nThanks.");
        client.mail("ada@example.com", &[&inbox.address], &answer).await;
    }
    assert_eq!(sandbox.threads(&inbox.id).len(), 1);
    assert_eq!(sandbox.thread(&thread_id).unwrap().messages.len(), 4);
}

#[tokio::test]
async fn the_envelope_says_who_gets_it_and_the_headers_in_which_role() {
    let sandbox = Sandbox::start().await.unwrap();
    let [to, copied, blind] = ["first", "copied", "blind"].map(|name| sandbox.create_inbox(name));
    sandbox.create_inbox("unmentioned");
    let text = "From: ada@example.com\nTo: first@sandbox.openmail.test, bob@example.com\n\
                Cc: copied@sandbox.openmail.test, unmentioned@sandbox.openmail.test\n\nHi";
    let mut client = Client::greeted(&sandbox).await;
    let all = [to.address.as_str(), &copied.address, &blind.address];
    client.mail("ada@example.com", &all, text).await;
    let roles = [&to, &copied, &blind].map(|inbox| sandbox.messages(&inbox.id)[0].delivery_role);
    assert_eq!(roles, [DeliveryRole::To, DeliveryRole::Cc, DeliveryRole::To].map(Some));
    let header_to = sandbox.messages(&copied.id)[0].header_to.clone();
    assert_eq!(header_to.as_deref(), Some("first@sandbox.openmail.test, bob@example.com"));
    assert_eq!(sandbox.look(|view| view.events().len()), 3);
}

#[tokio::test]
async fn an_unknown_recipient_is_refused_and_the_others_get_the_mail() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut client = Client::greeted(&sandbox).await;
    client.say("MAIL FROM:<ada@example.com>\r\n").await;
    assert_eq!(client.say("RCPT TO:<nobody@sandbox.openmail.test>\r\n").await.0, 550);
    assert_eq!(client.say("DATA\r\n").await.0, 503);
    assert_eq!(client.say(&format!("RCPT TO:<{}>\r\n", inbox.address.to_uppercase())).await.0, 250);
    client.say("DATA\r\n").await;
    assert_eq!(client.say("Subject: Hi\r\n\r\n.\r\n").await.0, 250);
    assert_eq!(sandbox.messages(&inbox.id)[0].from, "ada@example.com");
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_their_order() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut client = Client::greeted(&sandbox).await;
    let to = &inbox.address;
    client.write(format!("MAIL FROM:<>\r\nRCPT TO:<{to}>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n").as_bytes()).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(client.reply().await.0);
    }
    client.write(b"From: mailer-daemon@example.com\r\n\r\nIt bounced.\r\n.\r\nQUIT\r\n").await;
    codes.extend([client.reply().await.0, client.reply().await.0]);
    assert_eq!(codes, [250, 250, 550, 354, 250, 221]);
    let rows = Rest::of(&sandbox).get(&format!("/v1/inboxes/{}/messages", inbox.id)).await.expect(200);
    assert_eq!(
        (&rows["data"][0]["category"], &rows["data"][0]["autoReplyable"]),
        (&json!("bounce"), &json!(false))
    );
}

#[tokio::test]
async fn a_mail_that_says_it_comes_from_a_machine_is_not_to_be_answered() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut socket = Socket::subscribed(&sandbox).await;
    let mut client = Client::greeted(&sandbox).await;
    for (header, category) in [
        ("Auto-Submitted: auto-replied", "automated"),
        ("Auto-Submitted: no", "personal"),
        ("X-Auto-Response-Suppress: All", "automated"),
        ("Precedence: list", "automated"),
        ("List-Id: Talk <talk.example.com>", "automated"),
        ("List-Id: <offers.example.com>\nList-Unsubscribe: <mailto:off@example.com>", "marketing"),
    ] {
        let text = format!("From: ada@example.com\nSubject: Hi\n{header}\n\nHi");
        client.mail("ada@example.com", &[&inbox.address], &text).await;
        let message = &socket.hear().await["message"];
        assert_eq!(message["category"], category, "{header}");
        assert_eq!(message["auto_replyable"], category == "personal", "{header}");
    }
}

#[tokio::test]
async fn endless_lines_and_bodies_without_headers_are_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut client = Client::greeted(&sandbox).await;
    let (code, _) = client.mail("ada@example.com", &[&inbox.address], "").await;
    assert_eq!(code, 554);
    client.write(&[b'A'; 4096]).await;
    assert_eq!(client.reply().await.0, 500);
    assert_eq!(sandbox.messages(&inbox.id).len(), 0);
}

#[tokio::test]
async fn a_web_page_cannot_post_a_mail_to_the_port_for_mail() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = format!(
        "EHLO page\r\nMAIL FROM:<ada@example.com>\r\nRCPT TO:<{}>\r\nDATA\r\nSubject: Hi\r\n\r\nHi\r\n.\r\nQUIT\r\n",
        inbox.address
    );
    let mut browser = Client::connected(&sandbox).await;
    browser.write(format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:2525\r\n\r\n{mail}").as_bytes()).await;
    assert_eq!(browser.reply().await.0, 554);
    let mut rest = Vec::new();
    // What it sent is left unread, so the connection may also end in a reset.
    timeout(PATIENCE, browser.stream().read_to_end(&mut rest)).await.unwrap().ok();
    assert_eq!((rest.len(), sandbox.messages(&inbox.id).len()), (0, 0), "it is hung up on at once");
    let mut program = Client::connected(&sandbox).await;
    program.write(mail.as_bytes()).await;
    let mut replies = Vec::new();
    for _ in 0..6 {
        replies.push(program.reply().await.0);
    }
    assert_eq!((replies, sandbox.messages(&inbox.id).len()), (vec![250, 250, 250, 354, 250, 221], 1));
}

#[tokio::test]
async fn a_client_that_is_connected_does_not_hold_up_the_stop() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut client = Client::greeted(&sandbox).await;
    timeout(PATIENCE, sandbox.stop()).await.unwrap();
    let mut rest = String::new();
    timeout(PATIENCE, client.stream().read_line(&mut rest)).await.unwrap().ok();
    assert_eq!(rest, "");
}

#[tokio::test]
async fn what_was_sent_can_be_downloaded_as_text() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "subject": "Gr\u{fc}\u{df}e", "body": "<p>Hello</p>"});
    let answer = rest.send(&inbox, "k", body).await.expect(200);
    let eml = rest.get(&format!("/sandbox/mail/{}.eml", answer["messageId"].as_str().unwrap())).await;
    assert_eq!((eml.status, Some(eml.text.as_bytes())), (200, sandbox.all_sent()[0].to_rfc5322().as_deref()));
    let read_back = Mail::parse(eml.text.as_bytes()).unwrap();
    let other = sandbox.create_inbox("other");
    let delivered = sandbox.deliver(read_back.deliver_to([&other.address]));
    let message = sandbox.thread(&delivered.thread_id).unwrap().messages.remove(0);
    assert_eq!(
        (message.subject.as_deref(), message.html.as_deref()),
        (Some("Gr\u{fc}\u{df}e"), Some("<p>Hello</p>"))
    );
    rest.get("/sandbox/mail/msg_unknown.eml").await.refused(404, "not_found");
}

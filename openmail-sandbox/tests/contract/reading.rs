use openmail_sandbox::{Fault, Mail, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Rest;

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_are_paged() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let delivered: Vec<_> = (0..103)
        .map(|n| {
            sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text(n.to_string())).message_id
        })
        .collect();
    let rest = Rest::of(&sandbox);
    let list = async |query: &str| rest.get(&format!("/v1/inboxes/{}/messages{query}", inbox.id)).await;
    let page = list("").await.expect(200);
    assert_eq!((page["total"].as_u64(), ids(&page).len()), (Some(103), 50));
    assert_eq!(ids(&page)[0], delivered[102]);
    assert_eq!(ids(&list("?limit=500").await.expect(200)).len(), 100);
    assert_eq!(ids(&list("?limit=2&offset=102").await.expect(200)), [&*delivered[0]]);
    list("?limit=many").await.refused(400, "bad_request");
    list("?direction=up").await.refused(400, "bad_request");
}

#[tokio::test]
async fn threads_and_messages_are_filtered() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = |text: &str| Mail::from("ada@example.com").to(&inbox.address).subject(text).text(text);
    let (first, second) = (sandbox.deliver(mail("one")), sandbox.deliver(mail("two")));
    let rest = Rest::of(&sandbox);
    let body = json!({"to": "ada@example.com", "body": "Hi", "threadId": first.thread_id});
    rest.send(&inbox, "k", body).await.expect(200);

    let threads =
        async |query: &str| rest.get(&format!("/v1/inboxes/{}/threads{query}", inbox.id)).await.expect(200);
    assert_eq!(ids(&threads("").await), [&*first.thread_id, &*second.thread_id]);
    assert_eq!(ids(&threads("?is_read=true").await), [&*first.thread_id]);
    let unread = threads("?is_read=false").await;
    assert_eq!(ids(&unread), [&*second.thread_id]);
    assert_eq!(
        (&unread["data"][0]["isRead"], &unread["data"][0]["messageCount"]),
        (&json!(false), &json!(1))
    );

    let path = format!("/v1/inboxes/{}/messages?direction=outbound", inbox.id);
    assert_eq!(rest.get(&path).await.expect(200)["total"], 1);
    let path = format!("/v1/threads/{}/messages", first.thread_id);
    let thread = rest.get(&path).await.expect(200);
    assert_eq!(thread["subject"], "one");
    let directions: Vec<_> =
        thread["data"].as_array().unwrap().iter().map(|row| row["direction"].as_str().unwrap()).collect();
    assert_eq!(directions, ["inbound", "outbound"]);
}

#[tokio::test]
async fn a_thread_is_marked_read_and_unread() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
    let rest = Rest::of(&sandbox);
    let path = format!("/v1/threads/{}", mail.thread_id);
    for is_read in [true, false] {
        rest.call(Method::PATCH, &path, json!({"is_read": is_read})).await.expect(200);
        assert_eq!(sandbox.thread(&mail.thread_id).unwrap().is_read, is_read);
    }
    rest.call(Method::PATCH, &path, json!({"isRead": true})).await.refused(400, "bad_request");
    rest.call(Method::PATCH, "/v1/threads/thr_nope", json!({"is_read": true}))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn the_classification_stands_in_the_row() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mail = Mail::from("robot@example.com").to(&inbox.address).html("<p>Hi</p>");
    sandbox.deliver(mail.category("automated").auto_replyable(false).verdict("clean"));
    sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("Hi"));
    let rest = Rest::of(&sandbox);
    let rows = rest.get(&format!("/v1/inboxes/{}/messages", inbox.id)).await.expect(200);
    let (plain, classified) = (&rows["data"][0], &rows["data"][1]);
    assert_eq!(classified["category"], "automated");
    assert_eq!(classified["autoReplyable"], false);
    assert_eq!(classified["verdict"], "clean");
    assert_eq!((&classified["bodyText"], &classified["bodyHtml"]), (&json!(""), &json!("<p>Hi</p>")));
    assert!(plain["autoReplyable"].is_null());
}

#[tokio::test]
async fn a_lagging_row_appears_after_its_reads_or_its_release() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    sandbox.fault_next(1, Fault::LagRow { reads: Some(2) });
    sandbox.fault_next(1, Fault::LagRow { reads: None });
    let soon = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("soon"));
    let late = sandbox.deliver(Mail::from("ada@example.com").to(&inbox.address).text("late"));
    let rest = Rest::of(&sandbox);
    let path = format!("/v1/inboxes/{}/messages", inbox.id);
    assert_eq!(rest.get(&path).await.expect(200)["total"], 0);
    let thread = format!("/v1/threads/{}/messages", soon.thread_id);
    rest.get(&thread).await.refused(404, "not_found");
    assert_eq!(ids(&rest.get(&path).await.expect(200)), [&*soon.message_id]);
    sandbox.release_rows();
    assert_eq!(ids(&rest.get(&path).await.expect(200)), [&*late.message_id, &*soon.message_id]);
}

#[tokio::test]
async fn deleting_an_inbox_takes_its_mail_and_leaves_that_of_others() {
    let sandbox = Sandbox::start().await.unwrap();
    let (gone, kept) = (sandbox.create_inbox("gone"), sandbox.create_inbox("kept"));
    let mail = |address: &str| Mail::from("ada@example.com").to(address).text("Hi");
    let (lost, left) = (sandbox.deliver(mail(&gone.address)), sandbox.deliver(mail(&kept.address)));
    let rest = Rest::of(&sandbox);
    assert_eq!(rest.call(Method::DELETE, &format!("/v1/inboxes/{}", gone.id), json!(null)).await.status, 204);
    rest.get(&format!("/v1/threads/{}/messages", lost.thread_id)).await.refused(404, "not_found");
    let answer = sandbox.deliver(mail(&kept.address).in_reply_to(&left.rfc_message_id));
    let page = rest.get(&format!("/v1/threads/{}/messages", left.thread_id)).await.expect(200);
    assert_eq!(ids(&page), [&*left.message_id, &*answer.message_id]);
    assert!(sandbox.deliver_all(mail(&gone.address)).is_empty());
}

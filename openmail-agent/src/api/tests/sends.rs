use serde_json::json;

use super::*;
use crate::api::{ErrorKind, Retry};
use crate::model::{Body, Draft, IdempotencyKey, OutgoingAttachment, Recipients};

fn draft(body: Body) -> Draft {
    let recipients = Recipients::one("Ada <ada@a.example>".parse().unwrap());
    Draft { subject: Some("Hi".into()), ..Draft::new(recipients, body) }
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new("evt_1:support:0")
}

async fn sent(draft: &Draft) -> serde_json::Value {
    let service = Service::start([Answer::new(201, r#"{"id":"msg_9","threadId":"thr_9"}"#)]).await;
    let sent = client(&service).send(&"inb_1".into(), draft, &key()).await.unwrap();
    assert_eq!(sent.message_id.unwrap().as_str(), "msg_9");
    let asked = service.asked_once();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/inboxes/inb_1/send"));
    assert_eq!(asked.header("idempotency-key"), Some("evt_1:support:0"));
    asked.json()
}

async fn refused(draft: &Draft) -> String {
    let service = Service::start([Answer::ok("{}")]).await;
    let error = client(&service).send(&"inb_1".into(), draft, &key()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (&ErrorKind::InvalidRequest, None));
    assert_eq!(error.retry(), Retry::Never);
    assert!(service.asked().is_empty());
    error.to_string()
}

#[tokio::test]
async fn only_what_is_there_is_sent() {
    let plain = draft(Body::Text("Hello,\n  Ada".into()));
    assert_eq!(sent(&plain).await, json!({"to": "ada@a.example", "subject": "Hi", "body": "Hello,\n  Ada"}));

    let mut full = draft(Body::Both { text: "T".into(), html: "<p>T</p>".into() });
    full.recipients.cc = vec!["b@b.example".parse().unwrap()];
    full.thread_id = Some("thr_1".into());
    full.include_quote = false;
    full.reply_to = Some("c@c.example".parse().unwrap());
    full.subject = Some("Re: a\r\nBcc: x@y.example".into());
    assert_eq!(
        sent(&full).await,
        json!({"to": "ada@a.example", "cc": ["b@b.example"], "subject": "Re: a Bcc: x@y.example", "body": "T",
            "bodyHtml": "<p>T</p>", "threadId": "thr_1", "includeQuote": false, "replyTo": "c@c.example"})
    );
}

#[tokio::test]
async fn text_with_angle_brackets_stays_text() {
    let body = sent(&draft(Body::Text("use Vec<String>\nhere".into()))).await;
    assert_eq!(body["body"], "use Vec<String>\nhere");
    assert_eq!(body["bodyHtml"], "<div>use Vec&lt;String&gt;<br>\nhere</div>");
}

#[tokio::test]
async fn html_goes_as_html() {
    let body = sent(&draft(Body::Html("<p>Hi</p>".into()))).await;
    assert_eq!((&body["body"], body.get("bodyHtml")), (&json!("<p>Hi</p>"), None));
}

#[tokio::test]
async fn a_draft_that_breaks_the_contract_never_leaves() {
    assert!(refused(&draft(Body::Text(String::new()))).await.contains("empty"));
    let long = refused(&draft(Body::Text("ä".repeat(100_001)))).await;
    assert!(long.contains("100001") && long.contains("100000"), "{long}");
    assert!(
        refused(&draft(Body::Both { text: "t".into(), html: "x".repeat(500_001) })).await.contains("HTML")
    );
    let mut nameless = draft(Body::Text("t".into()));
    nameless.subject = None;
    assert!(refused(&nameless).await.contains("subject"));
    nameless.subject = Some("s".repeat(999));
    assert!(refused(&nameless).await.contains("999"));
    let mut heavy = draft(Body::Text("t".into()));
    for _ in 0..2 {
        heavy.attachments.push(OutgoingAttachment::new(
            "a.bin",
            "application/octet-stream",
            vec![0; 13 * 1024 * 1024],
        ));
    }
    assert!(refused(&heavy).await.contains("25 MB"));
}

#[tokio::test]
async fn a_body_as_long_as_allowed_leaves() {
    sent(&draft(Body::Text("ä".repeat(100_000)))).await;
}

#[tokio::test]
async fn files_go_as_a_form() {
    let mut draft = draft(Body::Text("See <b>".into()));
    draft.recipients.cc = vec!["b@b.example".parse().unwrap(), "c@c.example".parse().unwrap()];
    draft.thread_id = Some("thr_1".into());
    draft.attachments = vec![
        OutgoingAttachment::new("../a\"b\r\nX-Evil: 1.pdf", "application/pdf", &b"%PDF"[..]),
        OutgoingAttachment::new("Rechnung ä.txt", "not a media type", &b"\0\r\n--"[..]),
    ];
    let service = Service::start([Answer::ok(r#"{"messageId":"m","threadId":"t"}"#)]).await;
    client(&service).send(&"inb_1".into(), &draft, &key()).await.unwrap();

    let asked = service.asked_once();
    let boundary =
        asked.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(asked.header("content-length").is_some(), "the size of the form is known");
    let text = String::from_utf8_lossy(&asked.body).into_owned();
    let parts: Vec<_> =
        text.split(&format!("--{boundary}")).map(|part| part.trim_matches(['\r', '\n'])).collect();
    let field = |name: &str, value: &str| {
        let part = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
        parts.iter().filter(|found| **found == part).count()
    };
    assert_eq!((field("to", "ada@a.example"), field("body", "See <b>"), field("subject", "Hi")), (1, 1, 1));
    assert_eq!((field("bodyHtml", "<div>See &lt;b&gt;</div>"), field("threadId", "thr_1")), (1, 1));
    assert_eq!((field("cc", "b@b.example"), field("cc", "c@c.example")), (1, 1));
    let file = |head: &str, bytes: &str| {
        let part = format!("Content-Disposition: form-data; name=\"attachments\"; {head}\r\n\r\n{bytes}");
        parts.iter().filter(|found| **found == part).count()
    };
    assert_eq!(
        file("filename=\".._a_bX-Evil: 1.pdf\"\r\nContent-Type: application/pdf", "%PDF"),
        1,
        "{text}"
    );
    let second = "filename=\"Rechnung ä.txt\"\r\nContent-Type: application/octet-stream";
    assert_eq!(file(second, "\0\r\n--"), 1, "{text}");
    assert_eq!(parts.len(), 2 + 9);
}

#[tokio::test]
async fn a_send_the_service_took_is_a_success_whatever_it_says() {
    let service = Service::start([Answer::ok("{}")]).await;
    let sent = client(&service).send(&"i".into(), &draft(Body::Text("t".into())), &key()).await.unwrap();
    assert_eq!(sent.message_id, None);
}

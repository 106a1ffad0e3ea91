use super::*;
use crate::model::{DeliveryRole, Direction, KeyScope, Message, SendStatus, ThreadId, Verdict};

/// The mail of a list that has but one.
fn only(row: &[u8]) -> Message {
    let mut page = messages(&[b"[", row, b"]"].concat()).unwrap();
    page.items.pop().unwrap()
}

#[test]
fn a_mail_is_read_whole() {
    let row = br#"{"id":"msg_1","threadId":"thr_1","direction":"inbound","fromAddr":"Ada <ada@a.example>",
        "toAddr":"bot@openmail.sh","headerTo":"team@a.example, Bob <bob@a.example>","deliveryRole":"cc",
        "cc":["bot@openmail.sh"],"subject":"S","bodyText":"T","bodyHtml":"<p>T</p>","status":"received",
        "attachments":[{"filename":"a.pdf","contentType":"application/pdf","sizeBytes":1,"url":"https://x"}],
        "category":"personal","autoReplyable":true,"verdict":"clean","inboxId":"inb_1",
        "createdAt":"2026-02-24T10:05:00.000Z"}"#;
    let mail = only(row);
    assert_eq!((mail.id.as_str(), mail.delivery_role), ("msg_1", Some(DeliveryRole::Cc)));
    assert_eq!(mail.header_to.len(), 2);
    assert_eq!(mail.html.as_deref(), Some("<p>T</p>"));
    assert_eq!((mail.auto_replyable, mail.verdict), (Some(true), Some(Verdict::Clean)));
    assert!(mail.at.is_some());
}

#[test]
fn a_missing_direction_is_told_by_the_status() {
    let direction = |row: &str| only(row.as_bytes()).direction;
    assert_eq!(direction(r#"{"id":"m","status":"sent"}"#), Direction::Outbound);
    assert_eq!(direction(r#"{"id":"m","status":"received"}"#), Direction::Inbound);
    assert_eq!(direction(r#"{"id":"m","direction":"outbound","status":"received"}"#), Direction::Outbound);
}

#[test]
fn lists_come_in_every_shape() {
    for body in [
        r#"{"data":[{"id":"a"},{"id":"b"}],"total":7}"#,
        r#"{"messages":[{"id":"a"},{"id":"b"}],"total":7}"#,
        r#"{"total":7,"next":null,"messages":[{"id":"a"},{"id":"b"}]}"#,
    ] {
        let page = messages(body.as_bytes()).unwrap();
        assert_eq!((page.items.len(), page.total, page.unreadable), (2, Some(7), 0), "{body}");
    }
    assert_eq!(messages(br#"[{"id":"a"}]"#).unwrap().items.len(), 1);
    assert_eq!(inboxes(br#"{"inboxes":[{"id":"a"}]}"#).unwrap().items.len(), 1);
    assert_eq!(threads(br#"{"threads":[{"id":"a"}]}"#).unwrap().items.len(), 1);
    assert_eq!(pods(br#"{"pods":[{"id":"a"}]}"#).unwrap().items.len(), 1);
    assert_eq!(api_keys(br#"{"data":[{"id":"a"}]}"#).unwrap().items.len(), 1);
}

#[test]
fn a_row_without_an_id_counts_but_costs_nothing_else() {
    let page = messages(br#"{"data":[{"id":"a"},{"subject":"no id"},null,"x"]}"#).unwrap();
    assert_eq!((page.items.len(), page.unreadable, page.rows()), (1, 3, 4));
}

#[test]
fn an_answer_without_a_list_is_no_empty_list() {
    assert!(messages(br#"{"ok":true}"#).is_err());
    assert!(messages(b"<html>").is_err());
}

#[test]
fn threads_say_whether_they_are_read_in_both_spellings() {
    let page =
        threads(br#"{"data":[{"id":"a","isRead":true},{"id":"b","is_read":false},{"id":"c"}]}"#).unwrap();
    let read: Vec<_> = page.items.iter().map(|thread| thread.is_read).collect();
    assert_eq!(read, [Some(true), Some(false), None]);

    let asked = ThreadId::from("thr_asked");
    let thread =
        thread_messages(br#"{"subject":"S","is_read":true,"messages":[{"id":"a"}]}"#, &asked).unwrap();
    assert_eq!((thread.id, thread.is_read, thread.messages.len()), (asked.clone(), Some(true), 1));
    let thread = thread_messages(br#"{"threadId":"t","isRead":false,"data":[]}"#, &asked).unwrap();
    assert_eq!((thread.id.as_str(), thread.is_read), ("t", Some(false)));
    assert!(thread_messages(br#"[{"id":"a"}]"#, &asked).is_ok());
}

#[test]
fn a_keys_reach_is_read() {
    let scope = |json: &str| {
        me(format!(r#"{{"customerId":"c","plan":"free","apiKeyScope":{json}}}"#).as_bytes()).unwrap().scope
    };
    assert_eq!(scope(r#""account""#), KeyScope::Account);
    assert_eq!(scope(r#"{"podId":"p","inboxId":null}"#), KeyScope::Pod("p".into()));
    assert_eq!(scope(r#"{"podId":"p","inboxId":"i"}"#), KeyScope::Inbox("i".into()));
    assert_eq!(scope("7"), KeyScope::Unknown);
    assert_eq!(scope("null"), KeyScope::Unknown);
    assert_eq!(me(b"{}").unwrap().scope, KeyScope::Unknown);
}

#[test]
fn secrets_are_read_and_not_shown() {
    let made = inbox_with_secret(br#"{"id":"i","address":"a@b.example","webhookSecret":"whsec_1"}"#).unwrap();
    assert_eq!(made.webhook_secret.as_ref().unwrap().expose(), "whsec_1");
    assert!(!format!("{made:?}").contains("whsec_1"));
    let key = new_api_key(br#"{"id":"k","token":"om_secret","podId":"p"}"#).unwrap();
    assert_eq!(key.token.expose(), "om_secret");
    assert!(!format!("{key:?}").contains("om_secret"));
    assert!(new_api_key(br#"{"id":"k"}"#).is_err());
    assert_eq!(webhook_secret(br#"{"webhookSecret":"s"}"#).unwrap().expose(), "s");
}

#[test]
fn both_answers_to_a_send_are_read() {
    let old =
        sent(br#"{"messageId":"m","threadId":"t","providerMessageId":"p","status":"pending"}"#).unwrap();
    assert_eq!((old.message_id.unwrap().as_str(), old.status), ("m", Some(SendStatus::Pending)));
    let new = sent(br#"{"id":"m","threadId":"t"}"#).unwrap();
    assert_eq!((new.message_id.unwrap().as_str(), new.thread_id.unwrap().as_str()), ("m", "t"));
    assert!(sent(b"{}").unwrap().message_id.is_none());
    assert!(sent(b"<html>").is_err());
}

#[test]
fn a_failure_is_found_wherever_it_is_put() {
    let code = |json: &str| failure(json.as_bytes()).unwrap().code;
    assert_eq!(code(r#"{"error":"not_found","message":"m"}"#).as_deref(), Some("not_found"));
    assert_eq!(code(r#"{"code":"not_found"}"#).as_deref(), Some("not_found"));
    assert_eq!(code(r#"{"error":"Not Found","code":"not_found"}"#).as_deref(), Some("not_found"));
    assert_eq!(code(r#"{"error":{"code":"not_found","message":"m"}}"#).as_deref(), Some("not_found"));
    assert_eq!(code(r#"{"error":"Not Found"}"#), None);
    let limit = failure(
        br#"{"error":"cold_outreach_limit","scope":"domain","limit":20,"resetsAt":"2026-02-25T00:00:00Z"}"#,
    );
    let limit = limit.unwrap();
    assert_eq!((limit.scope.as_deref(), limit.limit), (Some("domain"), Some(20)));
    assert!(limit.resets_at.is_some());
    assert_eq!(failure(b"<html>502</html>"), None);
    assert_eq!(failure(b"[]"), None);
}

#[test]
fn a_failure_nested_without_end_does_no_harm() {
    let deep = format!("{}1{}", r#"{"error":"#.repeat(100_000), "}".repeat(100_000));
    assert!(failure(deep.as_bytes()).is_some());
}

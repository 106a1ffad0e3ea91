use std::{cell::RefCell, collections::BTreeSet};

use openmail_sandbox::{Inbox, Mail, Operation, Sandbox};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    client::{Answer, Rest},
    openapi::{Checked, Contract},
    webhook_receiver::Receiver,
};

/// What the contract describes and cannot come about here: every inbox has a pod.
const NEVER: [(&str, u16); 1] = [("createInboxApiKey", 409)];

type Seen = RefCell<BTreeSet<(String, u16)>>;

struct Bench<'a> {
    contract: &'a Contract,
    seen: &'a Seen,
    sandbox: Sandbox,
}

impl<'a> Bench<'a> {
    async fn new(contract: &'a Contract, seen: &'a Seen) -> Self {
        let sandbox = Sandbox::builder().plan("free").burst(3).creations(4).start().await.unwrap();
        Self { contract, seen, sandbox }
    }

    fn account(&self) -> Checked<'a> {
        self.with_key(self.sandbox.api_key())
    }

    fn with_key(&self, key: &str) -> Checked<'a> {
        Checked::with_key(self.contract, &self.sandbox, key, self.seen)
    }
}

#[tokio::test]
async fn every_answer_that_the_contract_describes_is_given_as_it_describes_it() {
    let Some(contract) = Contract::load() else { return };
    let seen = Seen::default();
    pods(&Bench::new(&contract, &seen).await).await;
    inboxes(&Bench::new(&contract, &seen).await).await;
    keys(&Bench::new(&contract, &seen).await).await;
    webhooks(&Bench::new(&contract, &seen).await).await;
    sends(&Bench::new(&contract, &seen).await).await;
    reading(&Bench::new(&contract, &seen).await).await;

    let seen = seen.into_inner();
    let described = contract.operations().flat_map(|(id, _, _, operation)| {
        let statuses = operation["responses"].as_object().unwrap().keys();
        statuses.map(move |status| (id.to_owned(), status.parse::<u16>().unwrap()))
    });
    let missed: Vec<_> =
        described.filter(|one| !seen.contains(one) && !NEVER.contains(&(one.0.as_str(), one.1))).collect();
    assert!(missed.is_empty(), "never answered: {missed:?}");
}

async fn pods(bench: &Bench<'_>) {
    let account = bench.account();
    let pod = account.call("createPod", &[], Some(json!({"clientId": "one", "name": null})), 201).await;
    account.call("createPod", &[], Some(json!({"clientId": "one"})), 409).await;
    account.call("createPod", &[], Some(json!({"clientId": "two"})), 201).await;
    let list = account.call("listPods", &["?limit=1&offset=1"], None, 200).await;
    assert_eq!((list["total"].as_u64(), list["data"].as_array().unwrap().len()), (Some(3), 1));
    bench.with_key("om_wrong").call("listPods", &[], None, 401).await;
    account.call("getPod", &["one"], None, 200).await;
    account.call("getPod", &["none"], None, 404).await;
    account.call("updatePod", &["one"], Some(json!({"name": "One"})), 200).await;
    account.call("updatePod", &["none"], Some(json!({})), 404).await;
    account.call("updatePod", &["one"], Some(json!({"clientId": "two"})), 409).await;
    let id = pod["id"].as_str().unwrap().to_owned();
    let scoped = bench.sandbox.create_key(openmail_sandbox::Scope::Pod(id));
    bench.with_key(&scoped.token).call("updatePod", &["one"], Some(json!({"name": "x"})), 403).await;
    account.call("createInbox", &[], Some(json!({"podId": "one"})), 201).await;
    account.call("deletePod", &["one"], None, 409).await;
    account.call("deletePod", &["none"], None, 404).await;
    account.call("deletePod", &["two"], None, 204).await;
}

async fn inboxes(bench: &Bench<'_>) {
    let account = bench.account();
    let full = json!({"mailboxName": "help", "displayName": "Help", "webhookUrl": "http://127.0.0.1:9/x"});
    let inbox = account.call("createInbox", &[], Some(full), 201).await;
    let id = inbox["id"].as_str().unwrap();
    let create = async |body: Value, status| account.call("createInbox", &[], Some(body), status).await;
    create(json!({"mailboxName": "help"}), 409).await;
    create(json!({"mailboxName": "-no-"}), 400).await;
    create(json!({"domain": "not-verified.example"}), 400).await;
    create(json!({"webhookUrl": "nowhere"}), 422).await;
    bench.sandbox.pause_account(true);
    create(json!({}), 402).await;
    bench.sandbox.pause_account(false);
    for _ in 0..3 {
        create(json!({}), 201).await;
    }
    create(json!({}), 429).await;
    account.call("listInboxes", &["?limit=2"], None, 200).await;
    bench.with_key("om_wrong").call("listInboxes", &[], None, 401).await;
    account.call("getInbox", &[id], None, 200).await;
    account.call("getInbox", &["none"], None, 404).await;
    account.call("updateInbox", &[id], Some(json!({"displayName": null, "webhookUrl": null})), 200).await;
    account.call("updateInbox", &["none"], Some(json!({})), 404).await;
    account.call("updateInbox", &[id], Some(json!({"webhookUrl": "nowhere"})), 422).await;
    let scoped = bench.sandbox.create_key(openmail_sandbox::Scope::Inbox(id.to_owned()));
    let scoped = bench.with_key(&scoped.token);
    scoped.call("updateInbox", &[id], Some(json!({"displayName": "x"})), 403).await;
    scoped.call("deleteInbox", &[id], None, 403).await;
    account.call("deleteInbox", &["none"], None, 404).await;
    account.call("deleteInbox", &[id], None, 204).await;
}

async fn keys(bench: &Bench<'_>) {
    let account = bench.account();
    let inbox = bench.sandbox.create_inbox("help");
    bench.sandbox.create_pod("one");
    for (kind, id) in [("Pod", "one"), ("Inbox", inbox.id.as_str())] {
        let [create, list, delete] =
            [format!("create{kind}ApiKey"), format!("list{kind}ApiKeys"), format!("delete{kind}ApiKey")];
        let key = account.call(&create, &[id], Some(json!({"name": "bot"})), 201).await;
        let scoped = bench.with_key(key["token"].as_str().unwrap());
        let key_id = key["id"].as_str().unwrap();
        scoped.call(&create, &[id], Some(json!({})), 403).await;
        scoped.call(&list, &[id], None, 403).await;
        scoped.call(&delete, &[id, key_id], None, 403).await;
        account.call(&create, &["none"], Some(json!({})), 404).await;
        account.call(&list, &["none"], None, 404).await;
        account.call(&delete, &[id, "none"], None, 404).await;
        for _ in 1..20 {
            account.call(&create, &[id], Some(json!({"name": null})), 201).await;
        }
        account.call(&create, &[id], Some(json!({})), 422).await;
        account.call(&list, &[id], None, 200).await;
        account.call(&delete, &[id, key_id], None, 204).await;
    }
}

async fn webhooks(bench: &Bench<'_>) {
    let account = bench.account();
    let receiver = Receiver::start().await;
    let inbox = bench.sandbox.create_inbox("help");
    let id = inbox.id.as_str();
    for operation in ["rotateInboxWebhookSecret", "testInboxWebhook"] {
        account.call(operation, &[id], None, 400).await;
        account.call(operation, &["none"], None, 404).await;
    }
    let secret = account.call("updateInbox", &[id], Some(json!({"webhookUrl": receiver.url()})), 200).await;
    assert!(secret["webhookSecret"].is_string());
    account.call("testInboxWebhook", &[id], None, 200).await;
    account.call("rotateInboxWebhookSecret", &[id], None, 200).await;
    account.call("updateInbox", &[id], Some(json!({"webhookUrl": "http://127.0.0.1:9/x"})), 200).await;
    account.call("testInboxWebhook", &[id], None, 502).await;
    let scoped = bench.sandbox.create_key(openmail_sandbox::Scope::Inbox(inbox.id.clone()));
    bench.with_key(&scoped.token).call("rotateInboxWebhookSecret", &[id], None, 403).await;
}

async fn sends(bench: &Bench<'_>) {
    let account = bench.account();
    let inbox = bench.sandbox.create_inbox("help");
    let id = inbox.id.as_str();
    let send = async |body: Value, status| {
        let key = format!("key-{body}");
        account.call_as("sendEmail", &[id], Some(body), status, |r| r.header("Idempotency-Key", key)).await
    };
    let mail = json!({"to": "ada@example.com", "subject": "Hi", "body": "Hello", "cc": ["bob@example.com"]});
    let first = send(mail.clone(), 200).await;
    assert_eq!(send(mail.clone(), 200).await, first);
    account.call("sendEmail", &[id], Some(mail.clone()), 400).await;
    send(json!({"to": "ada@example.com", "body": "no subject"}), 400).await;
    send(json!({"to": "ada@example.com", "body": "x", "threadId": "none"}), 404).await;
    send(json!({"to": "ada@example.com", "subject": "x", "body": "x", "replyTo": "else@example.com"}), 403)
        .await;
    bench.sandbox.suppress("sup@example.com", "bounce");
    send(json!({"to": "sup@example.com", "subject": "x", "body": "x"}), 422).await;
    bench.sandbox.pause_account(true);
    send(json!({"to": "ada@example.com", "subject": "x", "body": "paused"}), 402).await;
    bench.sandbox.pause_account(false);
    bench.sandbox.suspend_inbox(id, "abuse");
    send(json!({"to": "ada@example.com", "subject": "x", "body": "suspended"}), 403).await;
    bench.sandbox.reactivate_inbox(id);
    let in_thread = json!({
        "to": "ada@example.com", "body": "<b>x</b>", "bodyHtml": "<b>x</b>", "threadId": first["threadId"],
        "includeQuote": false, "replyTo": inbox.address,
    });
    send(in_thread, 200).await;
    send(json!({"to": "ada@example.com", "subject": "x", "body": "third"}), 200).await;
    send(json!({"to": "ada@example.com", "subject": "x", "body": "fourth"}), 429).await;
}

async fn reading(bench: &Bench<'_>) {
    let account = bench.account();
    let inbox = bench.sandbox.create_inbox("help");
    let stranger = bench.with_key("om_wrong");
    let mail = conversation(&bench.sandbox, &inbox);
    for operation in ["listMessages", "listThreads"] {
        account.call(operation, &[&inbox.id, "?limit=5&offset=0"], None, 200).await;
        account.call(operation, &["none"], None, 404).await;
        stranger.call(operation, &[&inbox.id], None, 401).await;
    }
    account.call("listMessages", &[&inbox.id, "?direction=outbound"], None, 200).await;
    account.call("listThreads", &[&inbox.id, "?is_read=false"], None, 200).await;
    account.call("getThreadMessages", &[&mail.thread_id], None, 200).await;
    account.call("getThreadMessages", &["none"], None, 404).await;
    stranger.call("getThreadMessages", &[&mail.thread_id], None, 401).await;
    account.call("updateThread", &[&mail.thread_id], Some(json!({"is_read": true})), 200).await;
    account.call("updateThread", &["none"], Some(json!({"is_read": true})), 404).await;
    account.call("getAttachment", &[&mail.message_id, "a.csv"], None, 302).await;
    account.call("getAttachment", &[&mail.message_id, "none"], None, 404).await;
    account.call("getAttachmentText", &[&mail.message_id, "a.csv"], None, 200).await;
    account.call("getAttachmentText", &[&mail.message_id, "a.bin"], None, 422).await;
    account.call("getAttachmentText", &[&mail.message_id, "none"], None, 404).await;
}

/// Mails of every kind: text, HTML alone, copied, with files.
fn conversation(sandbox: &Sandbox, inbox: &Inbox) -> openmail_sandbox::Delivered {
    let mail = || Mail::from("Ada <ada@example.com>").to(&inbox.address).subject("Hi");
    sandbox.deliver(mail().text("text"));
    sandbox.deliver(mail().html("<p>HTML</p>"));
    sandbox.deliver(mail().cc_only("bob@example.com").text("copied").category("personal"));
    sandbox.deliver(mail().attachment("a.csv", "text/csv", "1,2").attachment("a.bin", "x/y", &b"\xff"[..]))
}

#[tokio::test]
async fn every_operation_is_in_the_sandbox_under_its_name() {
    let Some(contract) = Contract::load() else { return };
    let known: BTreeSet<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    let missing: Vec<_> =
        contract.operations().filter(|(id, ..)| !known.contains(id)).map(|one| one.0).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(contract.operations().count(), 25, "the contract has grown or shrunk");
}

#[tokio::test]
async fn every_breach_of_a_request_schema_is_refused() {
    let Some(contract) = Contract::load() else { return };
    let sandbox = Sandbox::builder().account_requests(None).start().await.unwrap();
    let inbox = sandbox.create_inbox("help");
    sandbox.create_pod("one");
    let mail = conversation(&sandbox, &inbox);
    let rest = Rest::of(&sandbox);
    let mut refused = 0;
    for (id, method, path, operation) in contract.operations() {
        let Some(schema) = contract.request_schema(operation) else { continue };
        let filled = match path {
            path if path.starts_with("/v1/pods") => path.replace("{id}", "one"),
            path if path.starts_with("/v1/threads") => path.replace("{id}", &mail.thread_id),
            path => path.replace("{id}", &inbox.id),
        };
        for (what, body) in breaches(schema, &valid(id)) {
            assert_ne!(
                contract.breaches(schema, &body, false),
                Vec::<String>::new(),
                "{id}: {what} is no breach"
            );
            let request = rest.request(method.clone(), &filled).header("Idempotency-Key", "k").json(&body);
            let answer = Answer::of(request.send().await.unwrap()).await;
            assert_eq!(answer.status, 400, "{id}: {what} was let through: {}", answer.text);
            refused += 1;
        }
    }
    assert!(refused >= 50, "only {refused} breaches were tried");
    assert_eq!((sandbox.all_sent().len(), sandbox.inboxes().len(), sandbox.pods().len()), (0, 1, 2));
}

fn valid(operation: &str) -> Map<String, Value> {
    let body = match operation {
        "sendEmail" => json!({"to": "ada@example.com", "subject": "Hi", "body": "Hello"}),
        "updateThread" => json!({"is_read": true}),
        _ => json!({}),
    };
    body.as_object().unwrap().clone()
}

/// Bodies that break a schema in one way each.
fn breaches(schema: &Value, valid: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut bodies = vec![("no object".to_owned(), json!([]))];
    let mut change = |what: String, name: &str, value: Option<Value>| {
        let mut body = valid.clone();
        body.remove(name);
        body.extend(value.map(|value| (name.to_owned(), value)));
        bodies.push((what, Value::Object(body)));
    };
    if schema["additionalProperties"] == false {
        change("an unknown field".into(), "unknown", Some(json!(1)));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        change(format!("no {name}"), name, None);
    }
    for (name, field) in schema["properties"].as_object().unwrap() {
        let wrong = if field["type"] == "string" { json!(1) } else { json!("1") };
        change(format!("{name} of another type"), name, Some(wrong));
        if field["nullable"] != true {
            change(format!("{name} null"), name, Some(Value::Null));
        }
        if let Some(most) = field["maxLength"].as_u64() {
            change(format!("{name} too long"), name, Some(json!("x".repeat(most as usize + 1))));
        }
        if let Some(least) = field["minLength"].as_u64().filter(|least| *least > 0) {
            change(format!("{name} too short"), name, Some(json!("x".repeat(least as usize - 1))));
        }
        for (holder, wrap) in [(field, false), (&field["items"], true)] {
            if holder["format"] == "email" {
                let wrong = if wrap { json!(["no address"]) } else { json!("no address") };
                change(format!("{name} no address"), name, Some(wrong));
            }
        }
    }
    bodies
}

#[tokio::test]
async fn a_method_that_the_contract_does_not_have_is_not_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let answer = Rest::of(&sandbox).call(Method::PUT, "/v1/inboxes", json!({})).await;
    answer.refused(404, "not_found");
}

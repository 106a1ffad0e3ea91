use openmail_sandbox::{Inbox, Sandbox};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Map, Value, json};

use crate::{
    client::{Answer, Rest},
    openapi::Contract,
};

const MEGABYTE: usize = 1024 * 1024;

async fn sandbox() -> (Sandbox, Inbox) {
    let sandbox = Sandbox::builder().account_requests(None).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    (sandbox, inbox)
}

fn valid() -> Map<String, Value> {
    json!({"to": "ada@example.com", "subject": "Hi", "body": "Hello"}).as_object().unwrap().clone()
}

fn file(octets: usize) -> Part {
    Part::bytes(vec![b'x'; octets]).file_name("x.bin")
}

/// The fields as parts; an array is a part for each of its values.
fn form(fields: &Map<String, Value>) -> Form {
    let mut form = Form::new();
    for (name, value) in fields {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form = form.text(name.clone(), text);
        }
    }
    form
}

async fn send(rest: &Rest, inbox: &Inbox, form: Form) -> Answer {
    let request = rest.request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
    Answer::of(request.header("Idempotency-Key", "k").multipart(form).send().await.unwrap()).await
}

#[tokio::test]
async fn every_breach_of_a_form_schema_is_refused() {
    let Some(contract) = Contract::load() else { return };
    let (sandbox, inbox) = sandbox().await;
    let rest = Rest::of(&sandbox);
    let mut refused = 0;
    let operations = contract.operations().filter_map(|(id, method, path, operation)| {
        Some((id, method, path, contract.form_schema(operation)?))
    });
    for (id, method, path, schema) in operations {
        assert_eq!(id, "sendEmail", "this test knows how to call no other operation with a form");
        let path = path.replace("{id}", &inbox.id);
        for (what, form) in breaches(schema) {
            let request = rest.request(method.clone(), &path).header("Idempotency-Key", "k").multipart(form);
            let answer = Answer::of(request.send().await.unwrap()).await;
            assert_eq!((answer.status, answer.body["error"].as_str()), (400, Some("bad_request")), "{what}");
            assert!(answer.body["message"].as_str().unwrap().starts_with("body"), "{what}: {}", answer.text);
            refused += 1;
        }
    }
    assert!(refused >= 20, "only {refused} breaches were tried");
    assert!(sandbox.all_sent().is_empty());
}

/// Forms that break a schema in one way each.
fn breaches(schema: &Value) -> Vec<(String, Form)> {
    let mut forms = Vec::new();
    let without = |name: &str| {
        let mut fields = valid();
        fields.remove(name);
        fields
    };
    let mut change = |what: String, name: &str, value: Value| {
        let mut fields = without(name);
        fields.insert(name.to_owned(), value);
        forms.push((what, form(&fields)));
    };
    let described = schema["properties"].as_object().unwrap();
    for (name, field) in described {
        if let Some(most) = field["maxLength"].as_u64() {
            change(format!("{name} too long"), name, json!("x".repeat(most as usize + 1)));
        }
        if field["minLength"].as_u64().is_some_and(|least| least > 0) {
            change(format!("{name} too short"), name, json!(""));
        }
        if field["type"] == "boolean" {
            change(format!("{name} no boolean"), name, json!("yes"));
        }
        if field["format"] == "email" || field["items"]["format"] == "email" {
            change(format!("{name} no address"), name, json!("no address"));
            change(format!("{name} with one that is none"), name, json!(["ada@example.com", ""]));
        }
        if field["type"] == "array" && field["items"]["format"] != "binary" {
            change(format!("{name} no array"), name, json!("[\"ada@example.com\""));
            change(format!("{name} of numbers"), name, json!("[1]"));
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        forms.push((format!("no {name}"), form(&without(name))));
    }
    for (name, field) in described {
        let is_file = field["items"]["format"] == "binary";
        let wrong = if is_file { Part::text("no file") } else { file(3) };
        forms.push((
            format!("{name} in the other kind of part"),
            form(&without(name)).part(name.clone(), wrong),
        ));
        if field["type"] != "array" {
            let twice = form(&without(name)).text(name.clone(), "true").text(name.clone(), "true");
            forms.push((format!("{name} twice"), twice));
        }
    }
    let latin = Part::bytes(&b"caf\xe9"[..]);
    forms.push(("a body in Latin-1".into(), form(&without("body")).part("body", latin)));
    forms
}

#[tokio::test]
async fn a_form_that_keeps_to_the_contract_is_sent_as_json_would_be() {
    let (sandbox, inbox) = sandbox().await;
    let rest = Rest::of(&sandbox);
    let mut fields = valid();
    fields.insert("cc".into(), json!(["bob@example.com", "eve@example.com"]));
    fields.insert("includeQuote".into(), json!(true));
    let sent = send(&rest, &inbox, form(&fields)).await.expect(200);
    let json = rest.send(&inbox, "k", Value::Object(fields)).await.expect(200);
    assert_eq!(sent, json, "the same key, and the same request in either form");
    assert_eq!(sandbox.all_sent()[0].cc, ["bob@example.com", "eve@example.com"]);
}

#[tokio::test]
async fn parts_that_the_contract_does_not_list_are_counted_as_in_json() {
    let (sandbox, inbox) = sandbox().await;
    let rest = Rest::of(&sandbox);
    let form = form(&valid()).text("thread_id", "x").part("attachment", file(3));
    send(&rest, &inbox, form).await.expect(200);
    assert_eq!(sandbox.counts().unknown_fields, 2);
    assert!(sandbox.all_sent()[0].attachments.is_empty());
}

#[tokio::test]
async fn a_mail_has_25_megabytes_in_all_and_not_one_more() {
    let (sandbox, inbox) = sandbox().await;
    let rest = Rest::of(&sandbox);
    let text: usize = valid().values().map(|value| value.as_str().unwrap().len()).sum();
    let fits = |more: usize| {
        let form = form(&valid()).part("attachments", file(20 * MEGABYTE));
        form.part("attachments", file(5 * MEGABYTE - text + more))
    };
    send(&rest, &inbox, fits(1)).await.refused(413, "payload_too_large");
    assert!(sandbox.all_sent().is_empty());
    send(&rest, &inbox, fits(0)).await.expect(200);
}

#[tokio::test]
async fn bodies_that_are_no_forms_are_refused_in_the_services_own_words() {
    let (sandbox, inbox) = sandbox().await;
    let rest = Rest::of(&sandbox);
    let part = "--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@b.example\r\n";
    for (content_type, body) in [
        ("multipart/form-data", format!("{part}--x--\r\n")),
        ("multipart/form-data; boundary=x", String::new()),
        ("multipart/form-data; boundary=x", part.to_owned()),
        ("multipart/form-data; boundary=x", "--x\r\nno header\r\n\r\n\r\n--x--\r\n".into()),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n".into(),
        ),
        ("multipart/form-data; boundary=y", format!("{part}--x--\r\n")),
        ("application/x-www-form-urlencoded", "to=a%40b.example&subject=x&body=x".into()),
    ] {
        let request = rest.request(Method::POST, &format!("/v1/inboxes/{}/send", inbox.id));
        let request =
            request.header("Idempotency-Key", "k").header("content-type", content_type).body(body.clone());
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 400, "{content_type}: {body}: {}", answer.text);
        answer.refused(400, "bad_request");
    }
    assert_eq!(sandbox.counts().bad_requests, 7);
}

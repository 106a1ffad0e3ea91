use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use openmail_sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};

use crate::client::Rest;

/// The command while it runs. It does not outlive the test.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openmail-sandbox"));
    command.env_remove("OPENMAIL_SANDBOX_ADDR").env_remove("OPENMAIL_SANDBOX_KEY");
    command.env("OPENMAIL_SANDBOX_SMTP_ADDR", "127.0.0.1:0");
    command
}

pub(crate) fn start(arguments: &[&str]) -> (Running, Vec<String>) {
    let mut child = command().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = Vec::new();
    for line in output.lines() {
        greeting.push(line.unwrap());
        if greeting.last().unwrap().starts_with("Ctrl-C") {
            break;
        }
    }
    (Running(child), greeting)
}

pub(crate) fn value<'a>(greeting: &'a [String], name: &str) -> &'a str {
    let line = greeting.iter().find_map(|line| line.trim().strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap()
}

#[tokio::test]
async fn the_command_says_where_it_is_takes_mail_and_shows_what_was_sent() {
    let (_running, greeting) = start(&["--addr", "127.0.0.1:0", "--key", "om_mine", "--inbox", "help"]);
    let base_url = value(&greeting, "OPENMAIL_BASE_URL=");
    let inbox_id = value(&greeting, "OPENMAIL_INBOX_ID=");
    assert_eq!(value(&greeting, "OPENMAIL_API_KEY="), "om_mine");

    let http = Client::new();
    let mail = json!({
        "from": "Ada <ada@example.com>",
        "to": "help@sandbox.openmail.test",
        "subject": "Hello",
        "text": "Is anybody there?",
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "aGk="}],
    });
    let injected = http.post(format!("{base_url}/sandbox/mail")).json(&mail).send().await.unwrap();
    assert_eq!(injected.status(), 201);
    let delivered: Value = injected.json().await.unwrap();
    let thread_id = &delivered["delivered"][0]["thread_id"];

    let reply = json!({"to": "ada@example.com", "body": "Yes.", "threadId": thread_id});
    let request = http.post(format!("{base_url}/v1/inboxes/{inbox_id}/send")).bearer_auth("om_mine");
    request.header("Idempotency-Key", "k").json(&reply).send().await.unwrap().error_for_status().unwrap();
    let sent: Value =
        http.get(format!("{base_url}/sandbox/sent")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&sent["total"], &sent["data"][0]["body"]), (&json!(1), &json!("Yes.")));
    assert_eq!(&sent["data"][0]["thread_id"], thread_id);
    assert!(sent["data"][0]["rfc_message_id"].as_str().unwrap().ends_with("@sandbox.openmail.test>"));

    for (part, rows) in [("limit=0", 0), ("limit=5", 1), ("offset=1", 0)] {
        let request = http.get(format!("{base_url}/sandbox/sent?{part}"));
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!((&page["total"], page["data"].as_array().unwrap().len()), (&json!(1), rows), "{part}");
    }
}

#[test]
fn the_curl_line_names_the_first_inbox() {
    let (_running, greeting) = start(&["--addr", "127.0.0.1:0"]);
    let text = greeting.join("\n");
    assert!(text.contains("curl http://127.0.0.1:"), "{text}");
    assert!(text.contains(r#""to": "support@sandbox.openmail.test""#), "{text}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_it_cleanly() {
    for signal in ["-INT", "-TERM"] {
        let (mut running, _) = start(&["--addr", "127.0.0.1:0"]);
        let id = running.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn inboxes_are_made_once_and_in_the_order_given() {
    let (_running, greeting) =
        start(&["--addr", "127.0.0.1:0", "--inbox", "zoe", "--inbox", "ann", "--inbox", "zoe"]);
    let inboxes: Vec<_> = greeting.iter().filter_map(|line| line.split_once("   # ")).collect();
    let addresses: Vec<_> = inboxes.iter().map(|(_, address)| *address).collect();
    assert_eq!(addresses, ["zoe@sandbox.openmail.test", "ann@sandbox.openmail.test"]);
}

#[test]
fn a_wrong_argument_is_refused_with_what_to_write_instead() {
    for (arguments, advice) in [
        (["--inbox", "x"], "3 to 30 letters"),
        (["--key", "with space"], "printable characters"),
        (["--webhook", "nowhere"], "http or https address"),
        (["--addr", "here"], "`127.0.0.1:8025`"),
        (["--smtp-addr", "localhost"], "an IP address and a port"),
        (["--relay", "127.0.0.1:1025"], "`smtp://127.0.0.1:1025`"),
    ] {
        let output = command().args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_said_to_be() {
    let sandbox = Sandbox::start().await.unwrap();
    let addr = sandbox.addr().to_string();
    let output = command().args(["--addr", &addr]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains(&format!("cannot listen on {addr}")) && text.contains("port 0"), "{text}");
    assert!(text.contains("OPENMAIL_SANDBOX_ADDR"), "{text}");
    let smtp_addr = sandbox.smtp_addr().to_string();
    let output = command().args(["--addr", "127.0.0.1:0", "--smtp-addr", &smtp_addr]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--smtp-addr"), "{text}");
}

#[tokio::test]
async fn mail_for_nobody_and_malformed_mail_are_refused_with_what_is_wrong() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.create_inbox("support");
    let rest = Rest::of(&sandbox);
    let (from, to) = ("a@b.example", "support@sandbox.openmail.test");
    let file = json!({"filename": "a", "content": "***"});
    for (mail, status, code, words) in [
        (json!({"from": from, "to": "nobody@else.example"}), 404, "not_found", "None of the addresses"),
        (json!({"from": from, "to": to, "body": "x"}), 400, "bad_request", "`body`"),
        (json!({"to": to}), 400, "bad_request", "`from`"),
        (json!({"from": from, "to": 7}), 400, "bad_request", "`to` must be an address or a list"),
        (json!({"from": from, "to": to, "attachments": [file]}), 400, "bad_request", "base64"),
    ] {
        let refused = rest.post("/sandbox/mail", mail.clone()).await.refused(status, code);
        assert!(refused["message"].as_str().unwrap().contains(words), "{mail}: {refused}");
    }
    let refused = rest.post("/sandbox/inboxes", json!({"nam": "x"})).await.refused(400, "bad_request");
    assert!(refused["message"].as_str().unwrap().contains("either a `name`"), "{refused}");
    rest.post("/sandbox/mail", json!({"from": from, "to": [to], "html": "<p>Hi</p>"})).await.expect(201);
}

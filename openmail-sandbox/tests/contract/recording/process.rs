use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use openmail_sandbox::{Inbox, Sandbox};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::client::{PATIENCE, Rest};

/// The command while it runs, and what it says.
pub(crate) struct Running {
    pub(crate) child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// The next line with this in it.
    pub(crate) async fn says(&mut self, part: &str) -> String {
        let heard = async {
            while let Some(line) = self.said.next_line().await.unwrap() {
                if line.contains(part) {
                    return line;
                }
            }
            panic!("the command ended without having said {part:?}");
        };
        timeout(PATIENCE, heard).await.expect("a line in time")
    }

    /// What it says until it ends, and with which status it does.
    pub(crate) async fn ended(mut self) -> (i32, String) {
        let rest = async {
            let mut text = String::new();
            while let Some(line) = self.said.next_line().await.unwrap() {
                text.push_str(&line);
                text.push('\n');
            }
            (self.child.wait().await.unwrap().code().unwrap(), text)
        };
        timeout(PATIENCE, rest).await.expect("an end in time")
    }
}

fn command(vars: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openmail-sandbox"));
    command.env_clear().envs(vars.iter().copied()).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) fn start(vars: &[(&str, &str)], arguments: &[&str]) -> Running {
    let mut child = command(vars, arguments).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    Running { child, said }
}

pub(crate) async fn output(vars: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } =
        timeout(PATIENCE, command(vars, arguments).output()).await.unwrap().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// Records so many mails that come to this sandbox.
pub(crate) async fn record(sandbox: &Sandbox, file: &Path, mails: usize, more: &[&str]) -> Running {
    let vars = [("OPENMAIL_BASE_URL", sandbox.base_url()), ("OPENMAIL_API_KEY", sandbox.api_key())];
    let (file, mails) = (file.to_str().unwrap(), mails.to_string());
    let mut running = start(&vars, &[&["record", file, "--count", &mails], more].concat());
    running.says("Recording").await;
    running
}

pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.jsonl");
    (folder, file)
}

/// A conversation, a mail in which the inbox was only copied, and one that a machine wrote.
pub(crate) async fn some_mail(sandbox: &Sandbox, inbox: &Inbox) {
    let ada = sandbox.correspondent("Ada Lovelace <ada@corp.test>");
    let mail = ada.mail().to(&inbox.address).subject("Refund 2847");
    let mail = mail.text("Where is my refund?\n\nAda").html("<p class='ada'>Where is my <b>refund</b>?</p>");
    let first = ada.send(mail.attachment("invoice-2847.txt", "text/plain; name=invoice", "Invoice 2847"));
    let answer =
        json!({"to": "ada@corp.test", "body": "Which one?", "threadId": first.delivered().thread_id});
    Rest::of(sandbox).send(inbox, "k", answer).await.expect(200);
    let sent = sandbox.sent(&inbox.id).remove(0);
    ada.reply(&sent, "2847, see https://corp.test/tracking\n\nOn 24 Feb 2026, support wrote:\n> Which one?");
    let copy =
        ada.mail().to(&inbox.address).cc_only("Bob <bob@corp.test>").subject("Karachi").text("Bob, help");
    ada.send(copy);
    let robot = sandbox.correspondent("noreply@corp.test").mail().to(&inbox.address);
    let robot = robot.category("automated").auto_replyable(false).subject("Automatic reply: Refund");
    sandbox.deliver(robot.text("I am in Karachi."));
}

pub(crate) const HEADER: &str =
    r#"{"openmail_recording":1,"started_at":"2026-02-24T10:05:00Z","scrubbed":true}"#;

pub(crate) fn line(after_ms: u64, thread: &str, text: &str) -> String {
    json!({"after_ms": after_ms, "inbox": "inbox-1@agents.example.com", "thread": thread,
        "from": "Person 1 <person-1@example.com>", "to": ["inbox-1@agents.example.com"], "text": text})
    .to_string()
}

pub(crate) fn written(lines: &[&str]) -> (TempDir, PathBuf) {
    let (folder, file) = place();
    std::fs::write(&file, lines.join("\n")).unwrap();
    (folder, file)
}

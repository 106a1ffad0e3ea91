//! A recording, played to a real agent: the example `echo`, as a process of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use openmail_sandbox::Sandbox;
use openmail_sandbox::recording::Recording;

const RECORDING: &str = r#"{"openmail_recording":1,"started_at":"2026-02-24T10:05:00Z","scrubbed":true}
{"after_ms":0,"inbox":"inbox-1@agents.example.com","thread":"thread-1","from":"Person 1 <person-1@example.com>","to":["inbox-1@agents.example.com"],"subject":"Lorem 2847","text":"Ipsum dolor?"}
{"after_ms":900,"inbox":"inbox-2@agents.example.com","thread":"thread-2","from":"person-2@example.com","to":["Person 3 <person-3@example.com>"],"cc":["inbox-2@agents.example.com"],"subject":"Sit","text":"","html":"<p>Amet <b>consectetur</b></p>"}
{"after_ms":4200,"inbox":"inbox-1@agents.example.com","thread":"thread-1","from":"Person 1 <person-1@example.com>","to":["inbox-1@agents.example.com"],"subject":"Re: Lorem 2847","text":"Elit!\n\nOn 24 Feb 2026, sed wrote:\n> Ipsum dolor?"}
"#;

/// The process while it runs. It does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn echo(sandbox: &Sandbox) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
    command
        .env_clear()
        .env("OPENMAIL_BASE_URL", sandbox.base_url())
        .env("OPENMAIL_API_KEY", sandbox.api_key());
    command.env("OPENMAIL_STORE", "memory").stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

async fn played() {
    let recording = Recording::read(RECORDING.as_bytes()).unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    recording.create_inboxes(&sandbox).unwrap();
    let _agent = echo(&sandbox);
    sandbox.wait_for_subscribed(1).await;

    let mut threads = Vec::new();
    for (letter, (to, says)) in recording.play(&sandbox).unwrap().zip([
        ("person-1@example.com", "Ipsum dolor?"),
        ("person-3@example.com", "Amet consectetur"),
        ("person-1@example.com", "Elit!"),
    ]) {
        let answer = letter.answer().await;
        answer.assert_says(says);
        assert_eq!((&answer.to[..], &answer.thread_id), (to, &letter.delivered().thread_id));
        threads.push(answer.thread_id.clone());
    }
    assert!(threads[0] == threads[2] && threads[0] != threads[1]);
    sandbox.assert_sent(3);
    sandbox.assert_well_behaved();
}

#[tokio::test]
async fn every_mail_of_a_recording_is_answered_in_its_thread() {
    // Waits for events; the time is only for the failure.
    tokio::time::timeout(Duration::from_secs(60), played()).await.unwrap();
}

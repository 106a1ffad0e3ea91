//! `record` and `replay`, as processes, on real sockets.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use openmail_sandbox::{
    Inbox, NewInbox, Operation, Sandbox, View,
    recording::{RecordedMail, Recording},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::client::{PATIENCE, Rest, Socket};

/// The command while it runs, and what it says.
struct Running {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// The next line with this in it.
    async fn says(&mut self, part: &str) -> String {
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
    async fn ended(mut self) -> (i32, String) {
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

fn start(vars: &[(&str, &str)], arguments: &[&str]) -> Running {
    let mut child = command(vars, arguments).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    Running { child, said }
}

async fn output(vars: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } =
        timeout(PATIENCE, command(vars, arguments).output()).await.unwrap().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// Records so many mails that come to this sandbox.
async fn record(sandbox: &Sandbox, file: &Path, mails: usize, more: &[&str]) -> Running {
    let vars = [("OPENMAIL_BASE_URL", sandbox.base_url()), ("OPENMAIL_API_KEY", sandbox.api_key())];
    let (file, mails) = (file.to_str().unwrap(), mails.to_string());
    let mut running = start(&vars, &[&["record", file, "--count", &mails], more].concat());
    running.says("Recording").await;
    running
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.jsonl");
    (folder, file)
}

/// Everything that must not be found in a scrubbed recording.
const SECRETS: [&str; 15] = [
    "ada",
    "lovelace",
    "bob",
    "corp",
    "2847",
    "refund",
    "karachi",
    "where",
    "invoice",
    "sandbox.openmail",
    "support",
    "tenant-7",
    "tracking",
    "om_sandbox",
    "thr_",
];

/// A conversation, a mail in which the inbox was only copied, and one that a machine wrote.
async fn some_mail(sandbox: &Sandbox, inbox: &Inbox) {
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

#[tokio::test]
async fn a_recording_has_the_shape_of_the_mail_and_nothing_of_its_words() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox_with(NewInbox::named("support").external_id("tenant-7"));
    let (_folder, file) = place();
    let recording = record(&sandbox, &file, 4, &[]).await;
    some_mail(&sandbox, &inbox).await;
    let (status, said) = recording.ended().await;
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("4 mail(s) of 3 conversation(s)"), "{said}");

    let text = std::fs::read_to_string(&file).unwrap();
    for secret in SECRETS {
        assert!(!text.to_lowercase().contains(secret), "{secret} is left in:\n{text}");
    }
    let read = Recording::open(&file).unwrap();
    assert!(read.is_scrubbed());
    let [first, second, copy, robot] = read.mails() else { panic!("{text}") };
    assert_eq!((&first.thread, &first.from), (&second.thread, &second.from));
    assert!(copy.thread != first.thread && copy.from == first.from);
    assert_eq!(first.to, std::slice::from_ref(&first.inbox));
    assert_eq!(first.external_id.as_deref(), Some("external-1"));
    assert!(first.html.as_ref().is_some_and(|html| html.starts_with("<p>") && html.contains("<b>")));
    assert_eq!(first.attachments[0].filename, "file-1.txt");
    assert_eq!((first.attachments[0].size, first.attachments[0].content_type.as_str()), (12, "text/plain"));
    assert_eq!(second.subject, first.subject.as_ref().map(|subject| format!("Re: {subject}")));
    assert!(second.text.contains("\nOn ") && second.text.contains(" wrote:\n> "), "{}", second.text);
    assert!(
        copy.to[0].contains("<person-") && copy.cc == std::slice::from_ref(&copy.inbox),
        "{:?} {:?}",
        copy.to,
        copy.cc
    );
    assert!(robot.from.starts_with("noreply-") && !robot.is_to_be_answered());
    assert_eq!(robot.category.as_deref(), Some("automated"));
    assert!(robot.subject.as_ref().is_some_and(|subject| subject.starts_with("Automatic reply: ")));
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_records_takes_nothing_away_and_keeps_the_file_to_themselves() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let mut agent = Socket::subscribed(&sandbox).await;
    let (_folder, file) = place();
    let recording = record(&sandbox, &file, 1, &["--unscrubbed"]).await;
    let letter = sandbox.correspondent("ada@corp.test").write(&inbox, "Hello", "Is anybody there?");
    assert_eq!(agent.hear().await["event_id"], letter.delivered().event_id);
    assert_eq!(recording.ended().await.0, 0);
    assert!(!sandbox.thread(&letter.delivered().thread_id).unwrap().is_read);
    let asked: Vec<_> = sandbox.requests().iter().map(|request| request.operation).collect();
    let reads = |of: &Operation| {
        matches!(of, Operation::ListInboxes | Operation::GetThreadMessages | Operation::OpenSocket)
    };
    assert!(asked.iter().all(reads), "{asked:?}");
    sandbox.assert_well_behaved();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("Is anybody there?") && text.contains("support@sandbox.openmail.test"), "{text}");
    assert!(!text.contains(sandbox.api_key()), "{text}");
    assert!(!Recording::open(&file).unwrap().is_scrubbed());
}

#[tokio::test]
async fn what_is_there_already_is_recorded_without_a_socket() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox_with(NewInbox::named("support").webhook("http://127.0.0.1:1/"));
    some_mail(&sandbox, &inbox).await;
    let (_folder, file) = place();
    let vars = [("OPENMAIL_BASE_URL", sandbox.base_url()), ("OPENMAIL_API_KEY", sandbox.api_key())];
    let file_name = file.to_str().unwrap();
    // An inbox with a webhook is not listened to: its events would go to the recording, and not to the webhook.
    let (status, text) = output(&vars, &["record", file_name]).await;
    assert!(status == 2 && text.contains("--despite-webhooks") && text.contains(&inbox.id), "{text}");
    let (status, said) = start(&vars, &["record", file_name, "--past", "3"]).ended().await;
    assert_eq!(status, 0, "{said}");
    let recording = Recording::open(&file).unwrap();
    let [reply, copy, robot] = recording.mails() else { panic!("{recording:?}") };
    assert!(reply.after_ms == 0 && reply.text.contains("wrote:\n> ") && !robot.is_to_be_answered());
    assert!(copy.cc == [copy.inbox.as_str()] && copy.after_ms <= robot.after_ms);
    assert_eq!(sandbox.counts().sockets_opened, 0);
}

/// Answers whatever it hears with where it heard it, except what machines wrote.
async fn answer_all(base_url: &str, mut socket: Socket) {
    let rest = Rest::at(base_url, "om_sandbox");
    loop {
        let event = socket.hear().await;
        let (message, thread) = (&event["message"], &event["thread_id"]);
        if message["auto_replyable"] == false {
            continue;
        }
        let to = message["from"].as_str().unwrap().rsplit('<').next().unwrap().trim_end_matches('>');
        let body = json!({"to": to, "body": format!("Heard {}", message["body_text"]), "threadId": thread});
        let path = format!("/v1/inboxes/{}/send", event["inbox_id"].as_str().unwrap());
        let request = rest.request(reqwest::Method::POST, &path);
        let sent =
            request.header("Idempotency-Key", message["id"].as_str().unwrap()).json(&body).send().await;
        assert_eq!(sent.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn what_was_recorded_is_played_back_and_answered_in_its_threads() {
    let (_folder, file) = place();
    {
        let sandbox = Sandbox::start().await.unwrap();
        let inbox = sandbox.create_inbox("support");
        let recording = record(&sandbox, &file, 4, &[]).await;
        some_mail(&sandbox, &inbox).await;
        assert_eq!(recording.ended().await.0, 0);
    }
    let sandbox = Sandbox::start().await.unwrap();
    let arguments =
        ["replay", file.to_str().unwrap(), "--fast", "--expect-answers", "--to", sandbox.base_url()];
    let renamed = ["--inbox", "inbox-1@agents.example.com=help@acme.example"];
    let mut replay = start(&[], &[&arguments[..], &renamed].concat());
    replay.says("Waiting for an agent").await;
    let agent = Socket::subscribed(&sandbox).await;
    let (status, said) = tokio::select! {
        () = answer_all(sandbox.base_url(), agent) => unreachable!("it never ends"),
        ended = replay.ended() => ended,
    };
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("4 mail(s) of 3 conversation(s): 3 answered"), "{said}");
    assert!(said.contains("1 not to be answered"), "{said}");

    let inbox = sandbox.inboxes().remove(0);
    assert_eq!(inbox.address, "help@acme.example");
    let threads = sandbox.threads(&inbox.id);
    assert_eq!(threads.iter().map(|thread| thread.messages.len()).collect::<Vec<_>>(), [4, 2, 1]);
    let [first, ..] = &threads[0].messages[..] else { panic!() };
    assert_eq!(first.attachments[0].bytes.len(), 12);
    let copy = &threads[1].messages[0];
    assert_eq!(format!("{:?}", copy.delivery_role), "Some(Cc)");
    for sent in sandbox.sent(&inbox.id) {
        let thread = threads.iter().find(|thread| thread.id == sent.thread_id).unwrap();
        let said = |text: &str| format!("Heard {}", json!(text));
        assert!(thread.messages.iter().any(|message| said(&message.text) == sent.body), "{sent:?}");
    }
}

const HEADER: &str = r#"{"openmail_recording":1,"started_at":"2026-02-24T10:05:00Z","scrubbed":true}"#;

fn line(after_ms: u64, thread: &str, text: &str) -> String {
    json!({"after_ms": after_ms, "inbox": "inbox-1@agents.example.com", "thread": thread,
        "from": "Person 1 <person-1@example.com>", "to": ["inbox-1@agents.example.com"], "text": text})
    .to_string()
}

fn written(lines: &[&str]) -> (TempDir, PathBuf) {
    let (folder, file) = place();
    std::fs::write(&file, lines.join("\n")).unwrap();
    (folder, file)
}

#[tokio::test]
async fn a_replay_starts_a_sandbox_that_an_agent_finds() {
    let (_folder, file) = written(&[HEADER, &line(0, "a", "one"), &line(86_400_000, "b", "two")]);
    let file = file.to_str().unwrap();
    let arguments = ["replay", file, "--speed", "1e9", "--expect-answers", "--addr", "127.0.0.1:0"];
    let mut replay = start(&[], &arguments);
    let base_url = replay.says("OPENMAIL_BASE_URL=").await.trim().split_once('=').unwrap().1.to_owned();
    assert!(replay.says("OPENMAIL_INBOX_ID=").await.ends_with("# inbox-1@agents.example.com"));
    replay.says("Waiting for an agent").await;
    let mut agent = Socket::at(&base_url, "om_sandbox").await.unwrap();
    agent.say(json!({"type": "subscribe"})).await;
    assert_eq!(agent.hear().await["type"], "subscribed");
    let answering = tokio::spawn(async move { answer_all(&base_url, agent).await });
    let (status, said) = replay.ended().await;
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("2 mail(s) of 2 conversation(s): 2 answered (median "), "{said}");
    answering.abort();
}

#[tokio::test]
async fn what_stays_unanswered_fails_a_replay_that_expects_answers() {
    let (_folder, file) = written(&[HEADER, &line(0, "a", "one")]);
    let sandbox = Sandbox::start().await.unwrap();
    let _deaf = Socket::subscribed(&sandbox).await;
    let arguments = ["replay", file.to_str().unwrap(), "--patience", "0s", "--to", sandbox.base_url()];
    let (status, said) = start(&[], &arguments).ended().await;
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("1 NOT ANSWERED"), "{said}");
    let (status, said) = start(&[], &[&arguments[..], &["--expect-answers"]].concat()).ended().await;
    assert_eq!(status, 1, "{said}");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let (_folder, bad) = written(&[HEADER, &line(0, "a", "one"), "{\"after_ms\":\"soon\"}"]);
    let (_other, good) = written(&[HEADER, &line(0, "a", "one")]);
    let (bad, good) = (bad.to_str().unwrap(), good.to_str().unwrap());
    let sandbox = Sandbox::start().await.unwrap();
    let to_sandbox = ("OPENMAIL_BASE_URL", sandbox.base_url());
    let (folder, new) = place();
    let new = new.to_str().unwrap();
    for (vars, arguments, parts) in [
        (&[][..], &["replay", bad][..], &["mail.jsonl", "line 3", "no recorded mail", "column"][..]),
        (&[], &["replay", "nowhere.jsonl"], &["nowhere.jsonl", "No such file"]),
        (&[], &["replay", good, "--speed", "0"], &["above 0"]),
        (&[], &["replay", good, "--inbox", "x@y.z=a@b.c"], &["no inbox x@y.z", "inbox-1@agents.example.com"]),
        (&[], &["replay", good, "--to", "http://127.0.0.1:1"], &["no sandbox answers at http://127.0.0.1:1"]),
        (&[to_sandbox], &["record", new], &["OPENMAIL_API_KEY is not set"]),
        (&[to_sandbox, ("OPENMAIL_API_KEY", "om_wrong")], &["record", new], &["the key is refused"]),
        (&[to_sandbox, ("OPENMAIL_API_KEY", "om_sandbox")], &["record", good], &["is there already"]),
        (
            &[("OPENMAIL_API_KEY", "k")],
            &["record", new, "--base-url", "http://api.example"],
            &["unencrypted"],
        ),
        (
            &[("OPENMAIL_API_KEY", "k")],
            &["record", new, "--base-url", "http://127.0.0.1:1"],
            &["does not answer"],
        ),
    ] {
        let (status, text) = output(vars, arguments).await;
        assert_eq!(status, 2, "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
        assert!(!text.contains("om_wrong"), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_test_plays_a_recording_by_itself() {
    let lines = [line(0, "a", "one"), line(5_000, "b", "two"), line(9_000, "a", "three")];
    let text = [HEADER, &lines[0], &lines[1], &lines[2]].join("\n");
    let recording = Recording::read(text.as_bytes()).unwrap();
    assert_eq!((recording.threads(), recording.inboxes().len()), (2, 1));
    let sandbox = Sandbox::start().await.unwrap();
    recording.create_inboxes(&sandbox).unwrap();
    let agent = Socket::subscribed(&sandbox).await;
    let play = async {
        let mut threads = Vec::new();
        for letter in recording.play(&sandbox).unwrap() {
            let answer = letter.answer().await;
            assert_eq!(answer.thread_id, letter.delivered().thread_id);
            threads.push(answer.thread_id.clone());
        }
        threads
    };
    let threads = tokio::select! {
        () = answer_all(sandbox.base_url(), agent) => unreachable!("it never ends"),
        threads = play => threads,
    };
    assert!(threads[0] == threads[2] && threads[0] != threads[1]);
    let after: Vec<_> =
        recording.mails().iter().map(RecordedMail::after).map(|after| after.as_secs()).collect();
    assert_eq!(after, [0, 5, 9]);
}

#[tokio::test]
async fn a_recording_goes_on_after_the_connection_was_lost() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let (_folder, file) = place();
    let recording = record(&sandbox, &file, 2, &[]).await;
    let ada = sandbox.correspondent("ada@corp.test");
    ada.write(&inbox, "One", "one");
    let read =
        |view: &View<'_>| view.requests().any(|request| request.operation == Operation::GetThreadMessages);
    sandbox.wait_for(|view| read(view).then_some(())).await;
    sandbox.drop_sockets();
    // Nobody listens now: the stream is taken up where it was left.
    ada.write(&inbox, "Two", "two");
    assert_eq!(recording.ended().await.0, 0);
    assert_eq!(Recording::open(&file).unwrap().mails().len(), 2);
    let cursors = |message: &openmail_sandbox::ClientMessage| {
        serde_json::from_str::<Value>(&message.text).unwrap()["last_event_id"].is_string()
    };
    assert!(sandbox.client_messages().iter().any(cursors));
}

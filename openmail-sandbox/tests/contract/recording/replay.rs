use openmail_sandbox::{
    Sandbox,
    recording::{RecordedMail, Recording},
};
use serde_json::json;

use super::process::{HEADER, line, place, record, some_mail, start, written};
use crate::client::{Rest, Socket};

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

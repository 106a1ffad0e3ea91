use openmail_sandbox::{NewInbox, Operation, Sandbox, View, recording::Recording};
use serde_json::Value;

use super::process::{output, place, record, some_mail, start};
use crate::client::Socket;

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

#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_ends_a_recording_and_what_came_is_in_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let (_folder, file) = place();
    let recording = record(&sandbox, &file, 9, &[]).await;
    sandbox.correspondent("ada@corp.test").write(&inbox, "Hello", "one");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    while lines() < 2 {
        tokio::task::yield_now().await;
    }
    let id = recording.child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let (status, said) = recording.ended().await;
    assert!(status == 0 && said.contains("1 mail(s) of 1 conversation(s)"), "{said}");
}

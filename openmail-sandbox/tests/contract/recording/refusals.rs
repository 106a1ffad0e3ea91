use openmail_sandbox::Sandbox;

use super::process::{HEADER, line, output, place, written};

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
        (&[], &["replay", good, "--to", "http://me:secret@127.0.0.1:1"], &["no base address"]),
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
        assert!(!text.contains("om_wrong") && !text.contains("secret"), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::store::conformance::fixture::{
    answered, lease, lease_one, mail, record, reply, reserve, sent, settlement,
};
use crate::store::{EventOutcome, Recorded, SendState, Settlement};

const PATH: &str = "OPENMAIL_TEST_STORE";

/// What the killed process does: says on its output what the store has answered, and goes on.
#[test]
#[ignore = "run in a process of its own by the test below"]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&path)).await;
        for n in 0.. {
            let id = n.to_string();
            record(&store, vec![mail(&id, "i", &id, n)]).await;
            let lease = lease_one(&store, n).await.lease;
            let reply = reply(&id, &format!("inbox-{n}"), &id);
            let done = Settlement { sends: vec![reply], ..settlement(&lease, EventOutcome::Done, n) };
            store.settle(done).await.unwrap();
            say(&format!("settled {id}"));
            let reservation = reserve(&store, n, 1).await.sends.remove(0);
            store.settle_send(answered(&reservation, sent(), n)).await.unwrap();
            say(&format!("sent {id}"));
        }
    });
}

fn say(line: &str) {
    // Not `println!`, which the test harness would keep to itself.
    std::io::stderr().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let file = File::new();
    for lines in [1, 40, 111] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "store::sqlite::tests::kill::writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(PATH, &file.path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<_> = said
            .filter(|line| line.starts_with("settled ") || line.starts_with("sent "))
            .take(lines)
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.len(), lines);
        check(&file.path, &said).await;
        std::fs::remove_file(&file.path).unwrap();
    }
}

async fn check(path: &Path, said: &[String]) {
    let store = open(path).await;
    for line in said {
        let (what, id) = line.split_once(' ').unwrap();
        assert_eq!(record(&store, vec![mail(id, "i", id, 0)]).await, [Recorded::Known], "{line}");
        let state = store.send_state(&crate::model::IdempotencyKey::new(id)).await.unwrap();
        match what {
            "sent" => assert!(matches!(state, Some(SendState::Sent { .. })), "{line}: {state:?}"),
            _ => assert!(state.is_some(), "{line}"),
        }
    }
    // At most the one it was killed at is handled again.
    assert!(lease(&store, 1_000_000, 10).await.len() <= 1);
}

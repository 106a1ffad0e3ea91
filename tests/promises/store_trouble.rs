//! A disk that is full or read-only, a file that somebody else has locked: a clear word, not ready, nothing acknowledged that is
//! not stored, and no restart needed where the trouble passes.

use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::router::Route;
use openmail_sandbox::{Fault, WebhookOutcome};

use crate::bench::{Bench, soon};

/// What the service waits before it tries a webhook again.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// Asks until the probe answers with this status.
async fn readiness(addr: &str, status: u16) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    soon(async {
        loop {
            let answer = http.get(format!("http://{addr}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status() == status) {
                return;
            }
            // A probe does not ring.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Waits until the service has tried to post so often, and tells how it was answered the last time.
async fn posted(bench: &Bench, times: usize) -> WebhookOutcome {
    let outcome = |world: &openmail_sandbox::View<'_>| {
        world.webhook_attempts().get(times - 1).map(|attempt| attempt.outcome)
    };
    soon(bench.sandbox.wait_for(outcome)).await
}

async fn events_kept(bench: &Bench) -> Vec<String> {
    bench.rows("SELECT event_id FROM events", 0).await
}

#[tokio::test]
async fn a_file_that_another_program_has_locked_is_waited_for() {
    let bench = Bench::start().await;
    let echo = Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())));
    let (running, _) = bench.start_with_webhook([echo]).await;
    let addr = running.webhook_addr().unwrap().to_string();
    bench.deliver("before");
    bench.sent(1).await;
    readiness(&addr, 200).await;
    let settled = "SELECT key FROM sends WHERE state = 'sent'";
    bench.rows(settled, 1).await;

    let other = rusqlite::Connection::open(bench.store_path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    bench.sandbox.drop_sockets();
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
    bench.deliver("by webhook");
    assert_eq!(posted(&bench, 1).await, WebhookOutcome::Answered(503));
    readiness(&addr, 503).await;
    assert_eq!(events_kept(&bench).await.len(), 1);

    other.execute_batch("ROLLBACK").unwrap();
    readiness(&addr, 200).await;
    bench.sandbox.advance(FIRST_RETRY);
    assert_eq!(posted(&bench, 2).await, WebhookOutcome::Answered(200));
    bench.sandbox.lift(refused);
    bench.sent(2).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 2);
    bench.assert_well_spoken();
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    use tokio::process::Command;

    use super::*;
    use crate::process::{AGENT, Process};

    /// `nobody`, everywhere: permissions do not bind root.
    const UNPRIVILEGED: u32 = 65_534;

    /// Lets the process write no file beyond this many bytes, as a disk without space would.
    async fn limit_files(process: &Process, bytes: &str) {
        let (pid, limit) = (process.id().to_string(), format!("--fsize={bytes}:unlimited"));
        let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status().await;
        assert!(status.expect("prlimit can be run").success());
    }

    #[tokio::test]
    async fn a_disk_that_is_full_for_a_while_costs_no_mail_and_no_restart() {
        let bench = Bench::start().await;
        let secret = bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
        // A write beyond the limit is an error then, and not the end.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\"", AGENT]);
        let vars = [("OPENMAIL_WEBHOOK_ADDR", "127.0.0.1:0"), ("OPENMAIL_WEBHOOK_SECRET", &secret)];
        let process = Process::start_by(shell, &bench, &vars);
        let addr = process.webhook_addr().await;
        bench.sandbox.set_account_webhook(format!("http://{addr}/webhooks"));
        readiness(&addr, 200).await;
        bench.deliver("before");
        bench.sent(1).await;
        bench.rows("SELECT key FROM sends WHERE state = 'sent'", 1).await;

        limit_files(&process, "1").await;
        bench.deliver("by socket");
        process.log.words("cannot record events").await;
        readiness(&addr, 503).await;
        let refused = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
        bench.sandbox.drop_sockets();
        soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
        bench.deliver("by webhook");
        assert_eq!(posted(&bench, 1).await, WebhookOutcome::Answered(503));
        assert_eq!(events_kept(&bench).await.len(), 1, "nothing new, and nothing lost");

        limit_files(&process, "unlimited").await;
        readiness(&addr, 200).await;
        bench.sandbox.advance(FIRST_RETRY);
        assert_eq!(posted(&bench, 2).await, WebhookOutcome::Answered(200));
        bench.sandbox.lift(refused);
        bench.sent(3).await;
        process.signal("TERM").await;
        assert!(process.ended().await.status.success());
        assert_eq!(bench.sandbox.all_sent().len(), 3);
        bench.assert_well_spoken();
    }

    /// A command that starts the agent as a user to whom permissions apply, from a folder that it can enter.
    fn unprivileged(folder: &Path) -> Command {
        if std::fs::metadata(folder).unwrap().uid() != 0 {
            return Command::new(AGENT);
        }
        let agent = folder.join("agent");
        std::fs::hard_link(AGENT, &agent).or_else(|_| std::fs::copy(AGENT, &agent).map(drop)).unwrap();
        let mut command = Command::new(agent);
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        command
    }

    fn permit(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn refused(bench: &Bench, folder: &Path, file: &Path) -> String {
        let store = format!("sqlite:{}", file.display());
        let process = Process::start_by(unprivileged(folder), bench, &[("OPENMAIL_STORE", &*store)]);
        let ended = process.ended().await;
        assert!(!ended.status.success());
        std::fs::remove_file(folder.join("agent")).ok();
        ended.log
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_written_is_refused_with_what_to_do() {
        let bench = Bench::start().await;
        let folder = tempfile::tempdir().unwrap();
        permit(folder.path(), 0o755);
        let (read_only, open) = (folder.path().join("read-only"), folder.path().join("open"));
        for (path, mode) in [(&read_only, 0o555), (&open, 0o777)] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("old.db"), "").unwrap();
            permit(&path.join("old.db"), if mode == 0o555 { 0o666 } else { 0o444 });
            permit(path, mode);
        }
        std::fs::create_dir(open.join("folder.db")).unwrap();
        for (file, advice) in [
            (read_only.join("new.db"), "make the folder and the file writable for this user"),
            (read_only.join("old.db"), "make the folder and the file writable for this user"),
            (open.join("old.db"), "make the folder and the file writable for this user"),
            (open.join("missing/new.db"), "create the folder first"),
            (open.join("folder.db"), "this is a folder, so name a file in it"),
        ] {
            let log = refused(&bench, folder.path(), &file).await;
            assert!(log.contains(advice) && log.contains(&*file.to_string_lossy()), "{log}");
        }
        permit(&read_only, 0o755);
    }
}

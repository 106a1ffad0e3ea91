//! The test agent as a process of its own.

use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::bench::{Bench, Seen, soon};

/// The program.
pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_test-agent");

pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    /// What it says on standard output, a line each.
    pub(crate) said: Seen,
    /// What it logs, a line each.
    pub(crate) log: Seen,
    readers: [JoinHandle<()>; 2],
}

/// What is left of a process that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Process {
    /// Starts the agent against the bench's sandbox and store; a variable that is given again takes the place of the first.
    pub(crate) fn start(bench: &Bench, vars: &[(&str, &str)]) -> Self {
        Self::start_by(Command::new(AGENT), bench, vars)
    }

    /// Starts the agent as this command does.
    pub(crate) fn start_by(command: Command, bench: &Bench, vars: &[(&str, &str)]) -> Self {
        let store = format!("sqlite:{}", bench.store_path().display());
        let defaults = [
            ("OPENMAIL_API_KEY", bench.sandbox.api_key()),
            ("OPENMAIL_BASE_URL", bench.sandbox.base_url()),
            ("OPENMAIL_STORE", &store),
            ("RUST_LOG", "info"),
        ];
        Self::with_by(command, &[&defaults, vars].concat())
    }

    /// Starts the agent with these variables and no others.
    pub(crate) fn with(vars: &[(&str, &str)]) -> Self {
        Self::with_by(Command::new(AGENT), vars)
    }

    fn with_by(mut command: Command, vars: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_clear()
            .envs(vars.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the test agent starts");
        let (said, log) = (Seen::default(), Seen::default());
        let stdin = child.stdin.take().unwrap();
        let readers = [
            tokio::spawn(read(child.stdout.take().unwrap(), said.clone())),
            tokio::spawn(read(child.stderr.take().unwrap(), log.clone())),
        ];
        Self { child, stdin, said, log, readers }
    }

    /// Says something to it.
    pub(crate) async fn say(&mut self, word: &str) {
        self.stdin.write_all(format!("{word}\n").as_bytes()).await.expect("the agent listens");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// Where it takes webhooks, once it says so: a port that is free when a test looks for one may be taken before the process
    /// does.
    pub(crate) async fn webhook_addr(&self) -> String {
        let line = self.log.line(" webhook=").await;
        let (_, rest) = line.split_once(" webhook=").expect("the line says where");
        rest.split(' ').next().unwrap_or(rest).to_owned()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(status.expect("kill can be run").success());
    }

    /// Waits until it says so, or has ended.
    pub(crate) async fn awake(&mut self, says: &str) {
        tokio::select! {
            () = self.log.words(says) => {}
            _ = self.child.wait() => {}
        }
    }

    /// Kills it as nothing can be prepared for, unless it has ended by itself.
    pub(crate) async fn kill(mut self) {
        if self.has_ended().is_none() {
            self.child.kill().await.expect("the process was there to kill");
        }
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be asked for")
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = soon(self.child.wait()).await.expect("the process is waited for");
        for reader in self.readers {
            reader.await.unwrap();
        }
        Ended { status, log: self.log.all().join("\n") }
    }
}

async fn read(stream: impl AsyncRead + Unpin, into: Seen) {
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        into.see(String::from_utf8_lossy(&line));
    }
}

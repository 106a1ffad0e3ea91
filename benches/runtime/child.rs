//! What is measured, in a process of its own.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Says that this process is to be measured.
pub(crate) const SUBJECT: &str = "--subject";

/// A process under measurement, which ends when this is dropped.
pub(crate) struct Subject {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subject {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut program = Command::new(std::env::current_exe().expect("this program has a path"));
        program.arg(SUBJECT).args(args);
        Self::spawn(program)
    }

    /// A script that Node runs.
    pub(crate) fn node(script: &str, args: &[&str]) -> Self {
        let mut program = Command::new("node");
        program.args(["-e", script, "--"]).args(args);
        Self::spawn(program)
    }

    fn spawn(mut program: Command) -> Self {
        let child = program.stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.expect("the subject starts");
        let stdout = child.stdout.take().expect("it was piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// The next line the process says.
    pub(crate) async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.expect("what the process says can be read");
        line.expect("the process says it before it ends")
    }

    /// How long processors have worked for the process.
    pub(crate) fn work(&self) -> Duration {
        work(&self.child.id().expect("the process runs").to_string())
    }

    /// The next line, which is a number.
    pub(crate) async fn number(&mut self) -> f64 {
        self.line().await.parse().expect("a number")
    }
}

/// How long processors have worked for this process.
pub(crate) fn work(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a Linux kernel");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number"));
    Duration::from_millis(10) * ticks.sum()
}

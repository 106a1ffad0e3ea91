//! What is measured, in a process of its own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Says that this process is to be measured.
pub(crate) const SUBJECT: &str = "--subject";

/// A process under measurement, which ends when this is dropped.
pub(crate) struct Subject {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subject {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg(SUBJECT)
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("this program starts again");
        let stdout = child.stdout.take().expect("it was piped");
        Self { _child: child, lines: BufReader::new(stdout).lines() }
    }

    /// The next line the process says.
    pub(crate) async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.expect("what the process says can be read");
        line.expect("the process says it before it ends")
    }

    /// The next line, which is a number.
    pub(crate) async fn number(&mut self) -> f64 {
        self.line().await.parse().expect("a number")
    }
}

//! The processes that share a store: started, killed, put to sleep and woken hours later.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use openmail_agent::failpoint::Point;
use rand::Rng;
use rand::rngs::StdRng;

use crate::bench::{Bench, soon};
use crate::process::Process;

use super::setup::SetUp;

/// What `abort` ends a process with, and so what it ends with at a failpoint.
const ABORTED: i32 = 6;

/// How many processes' logs are kept for who looks into a failure.
const LOGS: usize = 10;

/// Below what systems hand out by themselves, so that a port stays free while its process is away.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Where nobody listens.
const NOBODY: u16 = 9;

pub(super) struct Fleet<'b> {
    bench: &'b Bench,
    store: String,
    secret: String,
    /// How many mails an inbox may send in a day.
    daily: String,
    takes_webhooks: bool,
    ports: Vec<u16>,
    processes: Vec<Option<Process>>,
    /// How far the processes' clock is ahead of the machine's, as the sandbox's is.
    ahead: Duration,
    pub(super) kills: Kills,
    /// What the latest processes to end have logged.
    logs: VecDeque<String>,
}

/// How often a process was killed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Kills {
    pub(super) at_failpoints: usize,
    pub(super) at_random: usize,
}

impl<'b> Fleet<'b> {
    pub(super) fn new(bench: &'b Bench, set_up: &SetUp, daily: u32) -> Self {
        let ports: Vec<_> = (0..set_up.processes).map(|_| free_port()).collect();
        Self {
            bench,
            store: set_up.location(bench),
            daily: daily.to_string(),
            secret: bench.sandbox.set_account_webhook(address(ports[0])),
            takes_webhooks: true,
            processes: ports.iter().map(|_| None).collect(),
            ports,
            ahead: Duration::ZERO,
            kills: Kills::default(),
            logs: VecDeque::new(),
        }
    }

    /// Starts all that do not run, to end at a point if one is given.
    pub(super) fn start(&mut self, random: &mut StdRng, failpoint: Option<&str>) {
        for at in 0..self.processes.len() {
            if self.processes[at].is_none() {
                self.processes[at] = Some(self.process(at, failpoint));
            }
        }
        self.take_webhooks(random, self.takes_webhooks);
    }

    /// Has one of all take webhooks, or none.
    pub(super) fn take_webhooks(&mut self, random: &mut StdRng, takes_webhooks: bool) {
        self.takes_webhooks = takes_webhooks;
        // Drawn in either case, so that what follows is the same.
        let chosen = random.random_range(0..self.ports.len());
        let port = if takes_webhooks { self.ports[chosen] } else { NOBODY };
        self.bench.sandbox.set_account_webhook(address(port));
    }

    fn process(&self, at: usize, failpoint: Option<&str>) -> Process {
        let (webhook, ahead) = (format!("127.0.0.1:{}", self.ports[at]), self.ahead.as_secs().to_string());
        let mut vars = vec![
            ("OPENMAIL_STORE", self.store.as_str()),
            ("OPENMAIL_WEBHOOK_ADDR", &webhook),
            ("OPENMAIL_WEBHOOK_SECRET", &self.secret),
            ("TEST_AGENT_AHEAD", &ahead),
            ("TEST_AGENT_DAILY", &self.daily),
        ];
        vars.extend(failpoint.map(|plan| ("OPENMAIL_FAILPOINT", plan)));
        Process::start(self.bench, &vars)
    }

    /// Kills one that runs.
    pub(super) async fn kill_one(&mut self, random: &mut StdRng) {
        let chosen = random.random_range(0..self.processes.len());
        self.kill(chosen).await;
    }

    pub(super) async fn kill(&mut self, at: usize) {
        if let Some(process) = self.processes[at].take() {
            self.keep_log(&process);
            process.kill().await;
            self.kills.at_random += 1;
        }
    }

    fn keep_log(&mut self, process: &Process) {
        self.logs.push_back(process.log.all().join("\n"));
        if self.logs.len() > LOGS {
            self.logs.pop_front();
        }
    }

    /// What the latest processes to end have logged, the latest last.
    pub(super) fn logs(&self) -> String {
        self.logs.iter().map(String::as_str).collect::<Vec<_>>().join("\n\n")
    }

    /// Which holds the socket.
    pub(super) fn holder(&self) -> Option<usize> {
        self.position(|process| {
            process.log.all().iter().any(|line| line.contains("this process holds the socket"))
        })
    }

    /// Which handles a mail, once one does.
    pub(super) async fn handling(&self, text: &str) -> usize {
        let line = format!("handling {text}");
        loop {
            if let Some(at) = self.position(|process| process.said.all().contains(&line)) {
                return at;
            }
            // Several pipes do not ring together.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn position(&self, which: impl Fn(&Process) -> bool) -> Option<usize> {
        self.processes.iter().position(|process| process.as_ref().is_some_and(&which))
    }

    /// Kills all, and lets time pass before anybody is there again.
    ///
    /// Time moves only while nobody looks: a process whose clock is moved a moment after the service's would count by another
    /// minute than the service does.
    pub(super) async fn night(&mut self, length: Duration) {
        for at in 0..self.processes.len() {
            self.kill(at).await;
        }
        // No row lags that long.
        self.bench.sandbox.release_rows();
        self.bench.sandbox.advance(length);
        self.ahead += length;
    }

    /// Takes note of processes that have ended by themselves, and tells how many.
    ///
    /// # Panics
    ///
    /// When one has not ended at its failpoint.
    pub(super) fn count_ended(&mut self) -> usize {
        let mut ended = 0;
        for at in 0..self.processes.len() {
            let Some(status) = self.processes[at].as_mut().and_then(Process::has_ended) else { continue };
            if let Some(process) = self.processes[at].take() {
                self.keep_log(&process);
            }
            assert_eq!(
                status.signal(),
                Some(ABORTED),
                "a process ended by itself: {status}\n{}",
                self.logs()
            );
            self.kills.at_failpoints += 1;
            ended += 1;
        }
        ended
    }

    /// Waits until all that were started are there, or have ended at their failpoints on the way.
    pub(super) async fn awake(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            process.awake("starting").await;
        }
    }

    /// Tells all to stop, and holds that they do so cleanly.
    pub(super) async fn stop(&mut self) {
        // Before that, nobody has asked for the signal.
        self.awake().await;
        for process in self.processes.iter_mut().filter_map(Option::take) {
            process.signal("TERM").await;
            let ended = soon(process.ended()).await;
            assert!(is_clean(ended.status), "{}\n{}", ended.status, ended.log);
        }
    }
}

fn is_clean(status: ExitStatus) -> bool {
    status.code() == Some(0)
}

/// The variable that has a process end when it passes a point for the n-th time.
pub(super) fn plan(point: Point, passing: u32) -> String {
    format!("{}:{passing}", point.name())
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/webhooks")
}

/// Not by the seed, since several runs of one may go on at once; and never the same twice, since one that is free now may
/// belong to a process that is away.
fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    let mut ports = std::iter::repeat_with(|| {
        PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start)
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("some port is free")
}

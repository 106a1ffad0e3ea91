//! The figures, each with what it is measured against.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::child::Subject;
use crate::sample::{self, INBOXES};
use crate::service::{Drip, Feed, Served, Service, webhooks};
use crate::table::{Table, a_second, time};

/// The bare loop as a Node program.
const NODE: &str = include_str!("subject/node.cjs");
/// How often each rate is measured; the best counts, since whatever else the machine does can only make it worse.
const ROUNDS: usize = 2;
/// How many events are pushed through a store in memory, and through the bare loop.
const SOCKET: usize = 300_000;
/// How many events are pushed through a file.
const DURABLE: usize = 150_000;
/// How many webhooks are posted, over how many connections.
const WEBHOOKS: usize = 100_000;
const CONNECTIONS: usize = 64;
/// How many mails are answered, and how many before those are not counted.
const REPLIES: usize = 4_000;
const WARM_UP: usize = 500;
/// 500 a second.
const RHYTHM: Duration = Duration::from_millis(2);
const MANY_INBOXES: usize = 100_000;
const WAITING: usize = 100_000;
const FINISHED: usize = 1_000_000;
const PASSING: usize = 1_000_000;
/// How long any of the figures may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the figures whose names begin with one of `wanted`; all where none is.
pub(crate) async fn measure(wanted: &[String]) -> Table {
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted.as_str()));
    let mut table = Table::default();
    if is_wanted("socket") {
        within(socket(&mut table)).await;
    }
    if is_wanted("webhooks") {
        within(posts(&mut table)).await;
    }
    if is_wanted("replies") {
        within(replies(&mut table)).await;
    }
    if is_wanted("inboxes") {
        within(inboxes(&mut table)).await;
    }
    if is_wanted("waiting") {
        within(waiting(&mut table)).await;
    }
    if is_wanted("start") {
        within(start(&mut table)).await;
    }
    if is_wanted("retention") {
        retention(&mut table).await;
    }
    table
}

/// Fails instead of waiting for ever for something that ended early.
async fn within(figures: impl Future<Output = ()>) {
    tokio::time::timeout(PATIENCE, figures).await.expect("it is measured in two minutes");
}

async fn socket(table: &mut Table) {
    let (mut bare, mut memory, mut sqlite) = (Rate::default(), Rate::default(), Rate::default());
    let mut node = has_node().await.then(Rate::default);
    for _ in 0..ROUNDS {
        bare.take(flood(SOCKET, |url, count| Subject::start(&["bare-socket", url, count])).await);
        memory.take(flood(SOCKET, |url, count| Subject::start(&["socket", url, "memory", count])).await);
        let file = File::new();
        sqlite.take(flood(DURABLE, |url, count| Subject::start(&["socket", url, &file.path, count])).await);
        if let Some(node) = &mut node {
            node.take(flood(SOCKET, |url, count| Subject::node(NODE, &[url, count])).await);
        }
    }
    let ratio = memory.a_second / bare.a_second;
    let rates = (a_second(bare.a_second), a_second(memory.a_second));
    table.beside("events into handlers, in memory", rates, ratio, ("0.70 of bare", ratio >= 0.7));
    let (ratio, met) = (sqlite.a_second / bare.a_second, sqlite.a_second >= 50_000.0);
    let rates = (a_second(bare.a_second), a_second(sqlite.a_second));
    table.beside("events into handlers, SQLite", rates, ratio, ("50,000/s", met));
    table.work("processor time of an event, in memory", bare.work, memory.work);
    table.work("processor time of an event, SQLite", bare.work, sqlite.work);
    if let Some(node) = node {
        let ratio = memory.a_second / node.a_second;
        let rates = (a_second(node.a_second), a_second(memory.a_second));
        table.beside("in memory, beside the bare loop in Node", rates, ratio, ("ahead of it", ratio > 1.0));
    } else {
        eprintln!(
            "not measured: the bare loop in Node, which finds no `ws` (npm install ws; NODE_PATH=node_modules)"
        );
    }
}

/// Whether there is a Node that finds what [`NODE`] asks for.
async fn has_node() -> bool {
    let tried = Command::new("node").args(["-e", "require('ws')"]).stderr(Stdio::null()).status().await;
    tried.is_ok_and(|status| status.success())
}

/// How fast a subject takes events in.
#[derive(Default)]
struct Rate {
    a_second: f64,
    /// What one event costs, whatever else the machine does meanwhile.
    work: Duration,
}

impl Rate {
    fn take(&mut self, other: Self) {
        self.a_second = self.a_second.max(other.a_second);
        self.work = if self.work.is_zero() { other.work } else { self.work.min(other.work) };
    }
}

/// Pushes so many events as fast as the subject takes them.
async fn flood(count: usize, start: impl FnOnce(&str, &str) -> Subject) -> Rate {
    let mut service = Service::start(INBOXES, Feed::flood(count)).await;
    let mut subject = start(service.base_url(), &count.to_string());
    let started = service.started().await;
    let work = Duration::from_secs_f64(subject.number().await / count as f64);
    Rate { a_second: count as f64 / started.elapsed().as_secs_f64(), work }
}

async fn posts(table: &mut Table) {
    let service = Service::start(INBOXES, Feed::Silence).await;
    let mut best: [Option<Served>; 2] = [None, None];
    let mut work = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let file = File::new();
        let requests: Vec<_> = (0..WEBHOOKS).map(|number| sample::webhook(number, WEBHOOKS)).collect();
        let subjects = [vec!["bare-webhooks"], vec!["webhooks", service.base_url(), &file.path]];
        for ((best, work), args) in best.iter_mut().zip(&mut work).zip(subjects) {
            let mut subject = Subject::start(&args);
            let (addr, before) = (subject.line().await, subject.work());
            let served = webhooks(&addr, &requests, CONNECTIONS).await;
            *work = (*work).min((subject.work() - before) / WEBHOOKS as u32);
            if best.as_ref().is_none_or(|best| served.a_second > best.a_second) {
                *best = Some(served);
            }
        }
    }
    let [Some(bare), Some(agent)] = best else { return };
    let ratio = agent.a_second / bare.a_second;
    let rates = (a_second(bare.a_second), a_second(agent.a_second));
    table.beside("webhooks verified, recorded, answered", rates, ratio, ("0.50 of bare", ratio >= 0.5));
    table.work("processor time of a webhook", work[0], work[1]);
    let ratio = bare.p99.div_duration_f64(agent.p99);
    let met = agent.p99 < Duration::from_millis(5);
    table.beside("the same, p99", (time(bare.p99), time(agent.p99)), ratio, ("under 5 ms", met));
}

async fn replies(table: &mut Table) {
    let bare = latencies("bare-replies", None).await;
    let file = File::new();
    let agent = latencies("replies", Some(&file.path)).await;
    let rows = [
        ("event pushed to reply received, p50", 50, "under 600 µs", Duration::from_micros(600)),
        ("event pushed to reply received, p99", 99, "under 2 ms", Duration::from_millis(2)),
    ];
    for (figure, percentile, target, limit) in rows {
        let at = |times: &[Duration]| times[times.len() * percentile / 100];
        let (bare, agent) = (at(&bare), at(&agent));
        let ratio = bare.div_duration_f64(agent);
        table.beside(figure, (time(bare), time(agent)), ratio, (target, agent < limit));
    }
}

/// How long replies take, shortest first.
async fn latencies(subject: &str, store: Option<&str>) -> Vec<Duration> {
    let (push, mut pushed) = mpsc::unbounded_channel();
    let events = (0..REPLIES).map(|number| sample::event_in(number, number)).collect();
    let drip = Drip { events, every: RHYTHM, pushed: push };
    let mut service = Service::start(INBOXES, Feed::Drip(drip)).await;
    let args: Vec<_> = [subject, service.base_url()].into_iter().chain(store).collect();
    let _subject = Subject::start(&args);
    let mut answered: HashMap<String, Instant> = HashMap::new();
    while answered.len() < REPLIES {
        answered.extend([service.sent().await]);
    }
    let mut times = Vec::with_capacity(REPLIES);
    for number in 0..REPLIES {
        let pushed = pushed.recv().await.expect("each was pushed");
        if number >= WARM_UP {
            times.push(answered[&sample::thread_id(number)].duration_since(pushed));
        }
    }
    times.sort_unstable();
    times
}

async fn inboxes(table: &mut Table) {
    let mut bytes = [0.0; 2];
    for (bytes, inboxes) in bytes.iter_mut().zip([1, MANY_INBOXES]) {
        let service = Service::start(inboxes, Feed::Silence).await;
        *bytes = Subject::start(&["inboxes", service.base_url()]).number().await;
    }
    let each = (bytes[1] - bytes[0]) / MANY_INBOXES as f64;
    let figure = "memory of an inbox, of 100,000";
    table.alone(figure, format!("{each:.0} B"), "under 1 KB", each < 1024.0);
}

async fn waiting(table: &mut Table) {
    let mut bytes = [0.0; 2];
    // The handlers are as busy with few waiting as with many.
    for (bytes, events) in bytes.iter_mut().zip([1_000, WAITING]) {
        let (file, count) = (File::new(), events.to_string());
        let service = Service::start(INBOXES, Feed::flood(events)).await;
        *bytes = Subject::start(&["waiting", service.base_url(), &file.path, &count]).number().await;
    }
    let more = (bytes[1] - bytes[0]) / (1024.0 * 1024.0);
    let figure = "memory of 100,000 events that wait";
    table.alone(figure, format!("{more:.0} MB"), "under 50 MB", more < 50.0);
}

async fn start(table: &mut Table) {
    let file = File::new();
    assert_eq!(Subject::start(&["fill", &file.path, &FINISHED.to_string()]).line().await, "done");
    let service = Service::start(INBOXES, Feed::Silence).await;
    let seconds = Subject::start(&["start", service.base_url(), &file.path]).number().await;
    let figure = "start with a million finished events";
    table.alone(figure, format!("{seconds:.2} s"), "under 2 s", seconds < 2.0);
}

/// A million mails pass through a file, of which seven days' worth are in it at a time.
async fn retention(table: &mut Table) {
    let file = File::new();
    let mut subject = Subject::start(&["retention", &file.path, &PASSING.to_string()]);
    let mut sizes = Vec::new();
    for _ in 0..10 {
        sizes.push(subject.number().await / (1024.0 * 1024.0));
    }
    let steps: Vec<_> = sizes.iter().map(|size| format!("{size:.0}")).collect();
    eprintln!("file at each tenth of the way, in MB: {}", steps.join(" "));
    // The first two tenths fill the file with what is kept.
    let (full, last) = (sizes[1], sizes[9]);
    let figure = "file after a million events";
    table.alone(figure, format!("{last:.0} MB"), "as after 200,000", last < 1.05 * full);
    let log = subject.number().await / (1024.0 * 1024.0);
    table.alone("log beside it, at most", format!("{log:.0} MB"), "under 64 MB", log <= 64.0);
    let mut micros = async || Duration::from_secs_f64(subject.number().await / 1e6);
    let (quiet, pruning) = (micros().await, micros().await);
    let met = pruning < Duration::from_millis(100);
    let figure = "slowest record while 100,000 are pruned";
    let slowest = format!("{} ({} otherwise)", time(pruning), time(quiet));
    table.alone(figure, slowest, "under 100 ms", met);
}

/// A place for a SQLite file.
struct File {
    path: String,
    _folder: TempDir,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the file");
        let path = folder.path().join("agent.db").to_str().expect("a path in UTF-8").to_owned();
        Self { path, _folder: folder }
    }
}

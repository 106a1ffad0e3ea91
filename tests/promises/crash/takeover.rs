//! How long it takes until others do what a killed process did.

use std::time::{Duration, Instant};

use openmail_sandbox::{Mail, Sandbox};

use crate::bench::Bench;

use super::fleet::Fleet;
use super::seed::Seed;
use super::setup::SetUp;

/// What is promised. A process that falls silent is taken to be dead after eight seconds, and the socket's claim runs out after
/// seven.
const WITHIN: Duration = Duration::from_secs(10);

/// When to give up measuring.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_takes_over_what_a_killed_one_did_within_ten_seconds() {
    let Some(set_up) = SetUp::postgres(3) else { return };
    let seed = Seed::from_env();
    let bench = Bench::with(Sandbox::builder().daily(seed.daily())).await;
    let mut takeovers =
        Takeovers { bench: &bench, fleet: Fleet::new(&bench, &set_up, seed.daily()), seed, mails: 0 };
    takeovers.subscribed(0).await;
    let mut sockets = Vec::new();
    let mut events = Vec::new();
    for _ in 0..seed.takeovers {
        sockets.push(takeovers.of_the_socket().await);
        events.push(takeovers.of_an_event().await);
    }
    println!("\n| takeover | times | p50 | max |\n|---|---|---|---|");
    let sockets = show("killed holding the socket, until the next is subscribed", sockets);
    let events = show("killed with an event in hand, until another has answered it", events);
    takeovers.fleet.stop().await;
    assert!(sockets <= WITHIN && events <= WITHIN, "{sockets:?} {events:?}");
}

struct Takeovers<'b> {
    bench: &'b Bench,
    fleet: Fleet<'b>,
    seed: Seed,
    mails: usize,
}

impl Takeovers<'_> {
    async fn of_the_socket(&mut self) -> Duration {
        let subscriptions = self.bench.sandbox.counts().subscriptions;
        let holder = self.fleet.holder().expect("somebody holds the socket");
        self.fleet.kill(holder).await;
        let killed = Instant::now();
        self.until_subscribed(subscriptions).await;
        let took = killed.elapsed();
        self.subscribed(subscriptions).await;
        took
    }

    async fn of_an_event(&mut self) -> Duration {
        let text = format!("{}, slow", self.mails);
        self.mails += 1;
        let (sandbox, inbox) = (&self.bench.sandbox, &self.bench.inbox);
        sandbox.deliver(Mail::from("Ada <ada@example.com>").to(&inbox.address).subject("Help").text(&text));
        let handling = patiently(self.fleet.handling(&text)).await;
        self.fleet.kill(handling).await;
        let killed = Instant::now();
        let answered = sandbox.wait_for(|world| (world.all_sent().len() >= self.mails).then_some(()));
        patiently(answered).await;
        let took = killed.elapsed();
        self.subscribed(0).await;
        took
    }

    /// All run, and one of them has subscribed after so many subscriptions.
    async fn subscribed(&mut self, subscriptions: u64) {
        self.fleet.start(&mut self.seed.random(), None);
        self.until_subscribed(subscriptions).await;
        patiently(self.bench.sandbox.wait_for_subscribed(1)).await;
    }

    async fn until_subscribed(&self, subscriptions: u64) {
        let more = |world: &openmail_sandbox::View<'_>| world.counts().subscriptions > subscriptions;
        patiently(self.bench.sandbox.wait_for(|world| more(world).then_some(()))).await;
    }
}

async fn patiently<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens).await.expect("somebody takes over")
}

/// Prints a row of the table; answers the longest.
fn show(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let (p50, max) = (times[times.len() / 2], times[times.len() - 1]);
    println!("| {what} | {} | {:.1} s | {:.1} s |", times.len(), p50.as_secs_f64(), max.as_secs_f64());
    max
}

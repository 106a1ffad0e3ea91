//! Not lost, not twice, in order: as a process that is killed again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use openmail_sandbox::Sandbox;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bench::{Bench, soon};
use crate::process::Process;

const MAILS: usize = 60;
const THREADS: usize = 20;

/// No process lives longer, and most live for less.
const LONGEST_LIFE: Duration = Duration::from_millis(400);

/// Set `KILL_SEED` to a seed that a failure has printed to see it again, as far as the machine lets it.
fn seed() -> u64 {
    std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

#[tokio::test]
async fn every_mail_is_answered_once_and_in_order_however_often_the_process_is_killed() {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let bench = Bench::with(Sandbox::builder().burst(100_000).daily(100_000)).await;
    let mut post = Post::default();
    // Before the first mail ever, there is no place in the stream to go on from.
    let mut process = start(&bench);
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    post.deliver(&bench, 0);
    bench.sent(1).await;

    let mut kills = 0;
    while post.delivered < MAILS {
        for _ in 0..random.random_range(1..=5).min(MAILS - post.delivered) {
            post.deliver(&bench, random.random_range(0..THREADS));
        }
        live_a_while(&bench, &mut random).await;
        process.kill().await;
        kills += 1;
        process = start(&bench);
    }
    bench.sent(MAILS).await;
    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);

    let tally = post.tally(&bench);
    println!("kills  mails  lost  doubled  out of order  repeated under their keys");
    println!(
        "{kills:5}  {:5}  {:4}  {:7}  {:12}  {:25}",
        post.delivered,
        tally.lost,
        tally.doubled,
        tally.out_of_order,
        bench.sandbox.counts().sends_repeated
    );
    assert_eq!((tally.lost, tally.doubled, tally.out_of_order), (0, 0, 0), "KILL_SEED={seed}");
    bench.assert_well_spoken();
}

fn start(bench: &Bench) -> Process {
    Process::start(bench, &[("TEST_AGENT_QUOTA", "100000")])
}

/// Until the process has made some more requests, or for some time: the one hits the moments when something happens, the other
/// those when nothing does.
async fn live_a_while(bench: &Bench, random: &mut StdRng) {
    let requests = bench.sandbox.look(|world| world.requests().count()) + random.random_range(0..12);
    let enough = bench.sandbox.wait_for(|world| (world.requests().count() >= requests).then_some(()));
    let _ = tokio::time::timeout(random.random_range(Duration::ZERO..LONGEST_LIFE), enough).await;
}

/// What was delivered, by thread.
#[derive(Default)]
struct Post {
    delivered: usize,
    threads: BTreeMap<usize, (String, Vec<String>)>,
}

#[derive(Default)]
struct Tally {
    lost: usize,
    doubled: usize,
    out_of_order: usize,
}

impl Post {
    fn deliver(&mut self, bench: &Bench, thread: usize) {
        let text = format!("mail {}", self.delivered);
        let mail = bench.mail("Ada <ada@example.com>", &text);
        let mail = match self.threads.get(&thread) {
            Some((id, _)) => mail.in_thread(id),
            None => mail,
        };
        let delivered = bench.sandbox.deliver(mail);
        let (_, texts) = self.threads.entry(thread).or_insert((delivered.thread_id, Vec::new()));
        texts.push(text);
        self.delivered += 1;
    }

    fn tally(&self, bench: &Bench) -> Tally {
        let mut tally = Tally::default();
        let sent = bench.sandbox.all_sent();
        for (id, texts) in self.threads.values() {
            let answers: Vec<_> =
                sent.iter().filter(|sent| sent.thread_id == *id).map(|sent| &sent.body).collect();
            let places: Vec<Vec<usize>> = texts
                .iter()
                .map(|text| (0..answers.len()).filter(|at| *answers[*at] == format!("re {text}")).collect())
                .collect();
            tally.lost += places.iter().filter(|places| places.is_empty()).count();
            tally.doubled += places.iter().filter(|places| places.len() > 1).count();
            tally.out_of_order += usize::from(!places.concat().is_sorted());
        }
        tally
    }
}

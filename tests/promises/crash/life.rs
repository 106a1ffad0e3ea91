//! A run: mails are delivered, everything goes wrong, processes are killed; in the end there is peace.

use std::time::Duration;

use openmail_agent::failpoint::Point;
use openmail_sandbox::{Fault, Operation, Sandbox};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::bench::{Bench, soon};

use super::fleet::{Fleet, plan};
use super::post::{AT_LENGTH, Post};
use super::report::Report;
use super::seed::Seed;
use super::setup::{Books, SetUp};
use super::trouble::{self, Spared};

/// No process lives longer while everything goes wrong, unless its failpoint lets it.
const LONGEST_LIFE: Duration = Duration::from_millis(700);

/// How many processes get a chance to end at a failpoint, and how many rounds of mail each.
const TRIES: usize = 5;
const ROUNDS: usize = 15;

/// How many rounds a correspondent waits for a mail to arrive.
const TOO_LONG: usize = 5 * ROUNDS;

/// How many rounds without new mail the next process gets to end there too.
const AGAIN: usize = 3;

/// How long a round takes, at most.
const ROUND: Duration = Duration::from_millis(160);

/// When nothing leaves for this long, time is moved; longer where that does not help.
const STANDSTILL: Duration = Duration::from_millis(800);

/// Longer than a minute's limit lasts, than leases and reservations of the dead, and than the longest pause between attempts.
const NIGHT: Duration = Duration::from_secs(11 * 60);

/// So many nights pass without an answer until nothing more is waited for: longer than the longest hold on an inbox lasts whose
/// reactivation was never heard of, and far from the day within which a reply must leave that was attempted in vain.
const PATIENCE: u32 = 9;

/// What a run has in hand.
pub(super) struct Life<'b> {
    bench: &'b Bench,
    seed: Seed,
    random: StdRng,
    fleet: Fleet<'b>,
    post: Post,
    books: Books,
    points: Vec<Point>,
    /// For how many rounds some mail has not been recorded.
    in_the_air: usize,
    /// Whether they are several of a conversation.
    in_a_row: bool,
    /// The inbox that must not send for now.
    suspended: Option<String>,
    suspensions: usize,
}

impl Life<'_> {
    /// Lives through everything.
    pub(super) async fn of(set_up: SetUp) -> Report {
        let seed = Seed::from_env();
        println!("CRASH_SEED={} CRASH_MAILS={} {}", seed.number, seed.mails, set_up.name);
        let bench = Bench::with(Sandbox::builder().daily(seed.daily())).await;
        let mut random = seed.random();
        let post = Post::new(&bench.sandbox, seed.mails);
        let mut fleet = Fleet::new(&bench, &set_up, seed.daily());
        fleet.start(&mut random, None);
        soon(bench.sandbox.wait_for_subscribed(1)).await;
        let books = set_up.books(&bench);
        let mut life = Life {
            bench: &bench,
            seed,
            random,
            fleet,
            post,
            books,
            points: Vec::new(),
            in_the_air: 0,
            in_a_row: false,
            suspended: None,
            suspensions: 0,
        };
        life.begin().await;
        life.die_at_every_point().await;
        life.die_at_random().await;
        life.find_peace().await;
        let (tally, holdings) = (life.post.tally(&bench.sandbox), life.books.holdings().await);
        Report {
            name: set_up.name,
            seed,
            kills: life.fleet.kills,
            mails: life.post.delivered,
            suspensions: life.suspensions,
            tally,
            holdings,
            counts: bench.sandbox.counts(),
            story: life.story().await,
            points: life.points,
        }
    }

    /// Before the first mail ever, there is no place in the stream to go on from; and what is in an inbox at first sight is
    /// history.
    async fn begin(&mut self) {
        let sandbox = &self.bench.sandbox;
        let inboxes = sandbox.inboxes().len() as u64;
        soon(
            sandbox.wait_for(|world| {
                (world.counts().requests(Operation::ListMessages) >= inboxes).then_some(())
            }),
        )
        .await;
        self.post.deliver_to_all(sandbox, &mut self.random);
        let expected = self.post.expected();
        soon(sandbox.wait_for(|world| (world.all_sent().len() >= expected).then_some(()))).await;
    }

    /// What is to be known of a failure.
    async fn story(&self) -> String {
        let (logs, post) = (self.fleet.logs(), self.post.story(&self.bench.sandbox));
        format!("{logs}\n{post}\ngiven up: {:?}\n", self.books.failures().await)
    }

    async fn die_at_every_point(&mut self) {
        let mut points = Point::ALL.to_vec();
        points.shuffle(&mut self.random);
        for point in points {
            for attempt in 0..TRIES {
                // What the dead have in hand may be what it takes.
                if attempt > 0 || self.books.outlive_processes() {
                    self.fleet.night(NIGHT).await;
                } else {
                    self.pass_a_night().await;
                }
                // What happens with every transaction should not always happen with the first one of a process.
                let most = if matches!(point, Point::Committing | Point::Committed) { 30 } else { 3 };
                let passing = self.random.random_range(1..=most);
                self.fleet.start(&mut self.random, Some(&plan(point, passing)));
                if self.until_one_ends(point).await {
                    self.points.push(point);
                    self.die_there_again(point).await;
                    break;
                }
            }
        }
    }

    /// What one net has let through, the next must catch: whoever comes after a process that has ended may end there too.
    async fn die_there_again(&mut self, point: Point) {
        self.fleet.start(&mut self.random, Some(&plan(point, 1)));
        for _ in 0..AGAIN {
            tokio::time::sleep(ROUND).await;
            if self.fleet.count_ended() > 0 {
                break;
            }
        }
    }

    /// Brings mail until a process has ended; gives up where none does.
    async fn until_one_ends(&mut self, point: Point) -> bool {
        // Webhooks come only while no socket is there.
        let no_socket = (point == Point::Verified).then(|| {
            self.bench.sandbox.drop_sockets();
            self.bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 })
        });
        let spared = if point == Point::Acknowledged { Spared::TheSocket } else { Spared::Nothing };
        let chance = if matches!(point, Point::Remembered | Point::Owed) { 1.0 } else { AT_LENGTH };
        let mut ended = 0;
        for _ in 0..ROUNDS {
            self.deliver(3, chance, spared).await;
            tokio::time::sleep(self.random.random_range(Duration::ZERO..ROUND)).await;
            ended = self.fleet.count_ended();
            if ended > 0 {
                break;
            }
        }
        no_socket.inspect(|fault| self.bench.sandbox.lift(*fault));
        ended > 0
    }

    async fn die_at_random(&mut self) {
        // None that would still end at a point.
        self.pass_a_night().await;
        self.fleet.start(&mut self.random, None);
        let enough = self.seed.mails.max(self.post.delivered + self.seed.mails / 3);
        while self.post.delivered < enough {
            let most = self.random.random_range(1..=2 * self.post.inboxes() + 1);
            if !self.deliver_in_a_row(AT_LENGTH).await {
                self.deliver(most, AT_LENGTH, Spared::Nothing).await;
            }
            self.suspend_or_reactivate();
            self.live_a_while().await;
            if self.random.random_bool(0.2) {
                self.books.cut_connections().await;
            }
            if self.random.random_bool(0.3) {
                self.pass_a_night().await;
            } else {
                self.fleet.kill_one(&mut self.random).await;
            }
            self.fleet.start(&mut self.random, None);
        }
    }

    /// Suspends an inbox, or reactivates the one that is: announced over webhooks, if anybody is there to hear it.
    fn suspend_or_reactivate(&mut self) {
        let sandbox = &self.bench.sandbox;
        match self.suspended.take() {
            Some(inbox) if self.random.random_bool(0.15) => drop(sandbox.reactivate_inbox(&inbox)),
            None if self.random.random_bool(0.4) => {
                let inbox = self.post.any_inbox(&mut self.random);
                sandbox.suspend_inbox(&inbox, "high_bounce_rate");
                self.suspended = Some(inbox);
                self.suspensions += 1;
            }
            before => self.suspended = before,
        }
    }

    /// Until some more requests were made, or for some time: the one hits the moments when something happens, the other those
    /// when nothing does.
    async fn live_a_while(&mut self) {
        let sandbox = &self.bench.sandbox;
        let requests = sandbox.look(|world| world.requests().count())
            + self.random.random_range(0..40 * (1 + self.in_the_air / 4));
        let enough = sandbox.wait_for(|world| (world.requests().count() >= requests).then_some(()));
        // The longer a mail is on its way, the more time there is to find it.
        let longest = LONGEST_LIFE * u32::try_from(1 + self.in_the_air / 4).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(self.random.random_range(Duration::ZERO..longest), enough).await;
    }

    async fn pass_a_night(&mut self) {
        // Mostly short: what was sent in the last minute must still count.
        let length = match self.random.random_range(0..6) {
            0 => NIGHT,
            1 => Duration::from_secs(61),
            short => Duration::from_secs(short - 2),
        };
        self.fleet.night(length).await;
    }

    async fn deliver(&mut self, most: usize, at_length: f64, spared: Spared) {
        let has_landed = self.has_landed().await;
        if has_landed && self.in_a_row {
            self.in_a_row = false;
            self.fleet.take_webhooks(&mut self.random, true);
        }
        let spared = if self.in_a_row { Spared::TheOrder } else { spared };
        trouble::order(&self.bench.sandbox, &mut self.random, spared);
        self.post.deliver(&self.bench.sandbox, &mut self.random, most, at_length);
    }

    /// Delivers several mails of each conversation at once, in their order, where nothing can change that: by one way, and
    /// while nothing else is in the air. Tells whether it did.
    async fn deliver_in_a_row(&mut self, at_length: f64) -> bool {
        if self.in_a_row || !self.random.random_bool(0.3) || !self.has_landed().await {
            return false;
        }
        self.in_a_row = true;
        self.fleet.take_webhooks(&mut self.random, false);
        self.bench.sandbox.lift_all();
        trouble::order(&self.bench.sandbox, &mut self.random, Spared::TheOrder);
        self.post.deliver_in_a_row(&self.bench.sandbox, &mut self.random, at_length);
        true
    }

    /// Whether all that was delivered is recorded.
    async fn has_landed(&mut self) -> bool {
        let has_landed = self.books.holdings().await.recorded == self.post.delivered;
        self.in_the_air = if has_landed { 0 } else { self.in_the_air + 1 };
        // One that has not come by then is lost.
        if has_landed || self.in_the_air > TOO_LONG {
            self.post.has_landed();
        }
        has_landed
    }

    /// Nothing goes wrong any more: all that is owed leaves as soon as the limits let it.
    async fn find_peace(&mut self) {
        self.bench.sandbox.lift_all();
        self.suspended.take().and_then(|inbox| self.bench.sandbox.reactivate_inbox(&inbox));
        self.all_sent().await;
        self.fleet.night(NIGHT).await;
        self.fleet.start(&mut self.random, None);
        self.post.deliver_to_all(&self.bench.sandbox, &mut self.random);
        if self.all_sent().await {
            self.fleet.stop().await;
        }
    }

    /// Tells whether everything that had to has left, however many nights that took.
    async fn all_sent(&mut self) -> bool {
        let expected = self.post.expected();
        let mut idle = 0;
        while idle < PATIENCE {
            let before = self.bench.sandbox.look(|world| world.all_sent().len());
            if self.wait_for_sent(expected, STANDSTILL * idle.clamp(1, 4)).await {
                return true;
            }
            let after = self.bench.sandbox.look(|world| world.all_sent().len());
            idle = if after > before { 0 } else { idle + 1 };
            self.fleet.night(NIGHT).await;
            self.fleet.start(&mut self.random, None);
        }
        false
    }

    /// Waits until so many have left; gives up when none does for a while.
    async fn wait_for_sent(&mut self, expected: usize, patience: Duration) -> bool {
        self.fleet.awake().await;
        let sandbox = &self.bench.sandbox;
        loop {
            let before = sandbox.look(|world| world.all_sent().len());
            if before >= expected && self.post.tally(sandbox).lost == 0 {
                return true;
            }
            let more = sandbox.wait_for(|world| (world.all_sent().len() > before).then_some(()));
            if tokio::time::timeout(patience, more).await.is_err() {
                return false;
            }
        }
    }
}

//! What a run came to.

use openmail_agent::failpoint::Point;
use openmail_sandbox::Counts;

use super::fleet::Kills;
use super::post::Tally;
use super::seed::Seed;
use super::setup::Holdings;

pub(super) struct Report {
    pub(super) name: &'static str,
    pub(super) seed: Seed,
    pub(super) kills: Kills,
    /// Where processes did end.
    pub(super) points: Vec<Point>,
    pub(super) mails: usize,
    pub(super) suspensions: usize,
    pub(super) tally: Tally,
    pub(super) holdings: Holdings,
    pub(super) counts: Counts,
    /// What is to be known of a failure.
    pub(super) story: String,
}

impl Report {
    /// Holds every promise, and that the run has tried them.
    pub(super) fn assert_kept(&self, points: &[Point]) {
        self.print();
        let seed = self.seed.number;
        if self.tally != Tally::default() {
            println!("{}\n{:?}", self.story, self.holdings);
        }
        assert_eq!(self.tally, Tally::default(), "CRASH_SEED={seed} {}", self.name);
        let held = Holdings { recorded: self.mails, unfinished: 0, failed: 0, owed: 0 };
        assert_eq!(self.holdings, held, "CRASH_SEED={seed} {}", self.name);
        let counts = &self.counts;
        assert_eq!(
            (counts.unknown_fields, counts.bad_requests, counts.unauthorized, counts.key_conflicts),
            (0, 0, 0, 0),
            "CRASH_SEED={seed} {counts:?}"
        );
        let missed: Vec<_> = points.iter().filter(|point| !self.points.contains(point)).collect();
        assert!(missed.is_empty(), "no process ended at {missed:?}; CRASH_SEED={seed}");
    }

    fn print(&self) {
        let Tally { lost, doubled, out_of_order, foreign, over_the_limit } = self.tally;
        println!(
            "\n| set-up | kills at failpoints | kills at random | mails | lost | doubled | out of order | over the limit |\n\
             |---|---|---|---|---|---|---|---|\n\
             | {} | {} | {} | {} | {lost} | {doubled} | {out_of_order} | {over_the_limit} |\n\
             CRASH_SEED={}, {foreign} foreign, {} repeated under their keys, {} ordered 429s, {} suspensions, {} sends refused",
            self.name,
            self.kills.at_failpoints,
            self.kills.at_random,
            self.mails,
            self.seed.number,
            self.counts.sends_repeated,
            self.counts.limits_ordered,
            self.suspensions,
            self.counts.sends_refused,
        );
    }
}

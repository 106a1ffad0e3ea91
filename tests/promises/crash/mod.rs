//! Not lost, not twice, in order, within the limits: while everything goes wrong at once, and the process is killed at every
//! step of the way and at any other moment.
//!
//! `docs/crash-bench.md` says what is killed where, and how to run it for longer.

mod fleet;
mod life;
mod post;
mod report;
mod seed;
mod setup;
mod takeover;
mod trouble;

use openmail_agent::failpoint::Point;

use life::Life;
use setup::SetUp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_is_answered_once_in_order_and_within_the_limits_by_one_process_that_is_killed() {
    Life::of(SetUp::sqlite()).await.assert_kept(Point::ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_for_one_process_with_a_database() {
    let Some(set_up) = SetUp::postgres(1) else { return };
    Life::of(set_up).await.assert_kept(Point::ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_for_several_processes_that_share_a_database() {
    let Some(set_up) = SetUp::postgres(3) else { return };
    Life::of(set_up).await.assert_kept(Point::ALL);
}

//! The promises of the runtime, a module each, against a real server on a real socket and a real SQLite file.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod bench;
mod clean_stop;
#[cfg(unix)]
mod crash;
mod documents;
mod floors;
mod in_order;
mod in_the_thread;
mod isolated;
mod layers;
mod no_gap;
mod no_loops;
mod not_lost;
mod not_twice;
mod own_store;
#[cfg(unix)]
mod postgres;
mod private;
mod process;
mod remembered;
mod stays_small;
mod store_trouble;
mod suspended_means_held;
mod within_the_limits;
mod wrong_set_ups_fail_at_start;

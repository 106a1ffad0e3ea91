//! What the documents show is what is compiled, and what they advise helps.

use openmail_agent::handler::{GiveUp, Mail, Reply};

use crate::bench::Bench;

const README: &str = include_str!("../../README.md");
const FRONT_PAGE: &str = include_str!("../../openmail-agent/src/lib.rs");

/// The first block of Rust, without what a reader does not see.
fn program(text: &str, comment: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.strip_prefix(comment).unwrap_or(line));
    lines
        .skip_while(|line| !line.trim_start().starts_with("```"))
        .skip(1)
        .take_while(|line| line.trim() != "```")
        .map(|line| line.strip_prefix(' ').filter(|_| comment == "//!").unwrap_or(line).to_owned())
        .filter(|line| !line.starts_with("# "))
        .collect()
}

#[test]
fn the_readme_shows_the_program_that_is_compiled() {
    let shown = program(README, "");
    assert!(shown.len() > 10, "{shown:#?}");
    assert_eq!(shown, program(FRONT_PAGE, "//!"));
}

/// What the README says to do about a mail that failed for good.
pub(crate) fn advice_on_dead_letters(event_id: &str) -> String {
    let command = README.lines().find_map(|line| line.strip_prefix("sqlite3 agent.db \"update")).unwrap();
    format!("update{}", command.trim_end_matches('"').replace("evt_7f2a", event_id))
}

#[tokio::test]
async fn a_dead_letter_is_handled_once_the_advice_was_taken() {
    let bench = Bench::start().await;
    let running = bench.run(async |_: Mail| Err::<Reply, _>(GiveUp::new("the shelf is empty"))).await;
    let delivered = bench.deliver("A red one, please.");
    bench.rows("SELECT event_id FROM events WHERE state = 'dead'", 1).await;
    running.stop().await.unwrap();

    let file = rusqlite::Connection::open(bench.store_path()).unwrap();
    let changed = file.execute(&advice_on_dead_letters(&delivered.event_id), ()).unwrap();
    assert_eq!(changed, 1);
    drop(file);
    let running = bench.run(async |_: Mail| "It is on its way.").await;
    assert_eq!(bench.sent(1).await[0].thread_id, delivered.thread_id);
    running.stop().await.unwrap();
}

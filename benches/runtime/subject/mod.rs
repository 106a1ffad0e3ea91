//! What is measured.

mod agent;
mod bare;
mod memory;
mod retention;
mod store;

use std::process::ExitCode;

/// Runs the named subject in this process.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("the subject's runtime starts").block_on(async {
        match args.as_slice() {
            ["bare-socket", url, count] => bare::socket(url, number(count)).await,
            ["bare-webhooks"] => bare::webhooks().await,
            ["bare-replies", url] => bare::replies(url).await,
            ["socket", url, store, count] => agent::socket(url, store, number(count)).await,
            ["webhooks", url, store] => agent::webhooks(url, store).await,
            ["replies", url, store] => agent::replies(url, store).await,
            ["inboxes", url] => memory::inboxes(url).await,
            ["waiting", url, store, count] => memory::waiting(url, store, number(count)).await,
            ["fill", store, count] => store::fill(store, number(count)).await,
            ["retention", store, count] => retention::run(store, number(count)).await,
            ["start", url, store] => agent::start(url, store).await,
            _ => panic!("no such subject: {args:?}"),
        }
    });
    ExitCode::SUCCESS
}

/// Says that it is done, and how many seconds the processors worked for it.
fn done() {
    println!("{}", crate::child::work("self").as_secs_f64());
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

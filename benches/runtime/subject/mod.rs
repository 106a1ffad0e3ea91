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
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux kernel");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks = fields.split_whitespace().skip(11).take(2).map(number).sum::<usize>();
    println!("{}", ticks as f64 / 100.0);
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

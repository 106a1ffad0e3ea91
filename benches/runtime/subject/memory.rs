//! How much memory it takes, as the kernel sees it.

use std::future::pending;
use std::time::Duration;

use openmail_agent::handler::Mail;

use super::{agent, store};

/// How long things may settle before the memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// Serves whatever inboxes there are, and tells the bytes in memory.
pub(super) async fn inboxes(url: &str) {
    let store = store::open("memory").await;
    let running = agent::runtime(url, &store, async |_: Mail| {}).start().await.expect("it starts");
    running.ready().await.expect("it goes on");
    tokio::time::sleep(SETTLE).await;
    println!("{}", resident());
}

/// Lets this many events wait behind handlers that never end, and tells the bytes in memory.
pub(super) async fn waiting(url: &str, path: &str, count: usize) {
    let store = store::open(path).await;
    let handler = async |_: Mail| pending::<()>().await;
    let running = agent::runtime(url, &store, handler).start().await.expect("it starts");
    running.ready().await.expect("it goes on");
    loop {
        let census = store.census().await.expect("the store counts");
        if census.waiting + census.leased >= count as u64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(SETTLE).await;
    println!("{}", resident());
}

/// The bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux kernel");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}

//! What a conversation remembers is committed with the replies, and forgotten with a failure.

use openmail_agent::handler::{Error, Mail, Memory, Reply};
use openmail_agent::router::Route;
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, Seen};

#[derive(Default, Serialize, Deserialize)]
struct Conversation {
    mails: u32,
}

#[tokio::test]
async fn a_thread_remembers_from_mail_to_mail_and_across_restarts() {
    let bench = Bench::start().await;
    let count = async |_: Mail, mut memory: Memory<Conversation>| {
        memory.mails += 1;
        Reply::text(format!("number {}", memory.mails))
    };
    let running = bench.run(count).await;
    let first = bench.deliver("one");
    bench.sent(1).await;
    bench.deliver("in another thread");
    bench.sent(2).await;
    running.stop().await.unwrap();
    let running = bench.run(count).await;
    bench.sandbox.deliver(bench.mail("ada@example.com", "two").in_thread(&first.thread_id));
    let sent = bench.sent(3).await;
    let words: Vec<_> = sent.iter().map(|sent| sent.body.as_str()).collect();
    assert_eq!(words, ["number 1", "number 1", "number 2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_try_leaves_no_memory() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, mut memory: Memory<Conversation>| {
        let tries = saw.mail(&mail);
        async move {
            memory.mails += 1;
            if tries == 1 {
                return Err(Error::msg("not this time"));
            }
            Ok(format!("number {}", memory.mails))
        }
    };
    let runtime = bench.runtime().clock(bench.clock.clone()).handlers([Route::new("agent", handler)]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("one");
    bench.advance_until(|| bench.sandbox.all_sent().len() == 1).await;
    assert_eq!(bench.sandbox.all_sent()[0].body, "number 1");
    running.stop().await.unwrap();
}

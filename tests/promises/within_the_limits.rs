//! No 429 is ever earned by our own counting; all of the allowance is usable; what must wait, waits in order.

use std::time::Duration;

use openmail_agent::handler::{Mail, Reply, ReplyContext, WhenLimited};
use openmail_agent::router::Route;
use openmail_agent::runtime::RunningRuntime;
use openmail_sandbox::{Fault, Sandbox};

use crate::bench::{Bench, Seen, soon};

async fn echoes(bench: &Bench) -> RunningRuntime {
    let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
    let runtime = bench.runtime().clock(bench.clock.clone()).handlers([Route::new("agent", handler)]);
    bench.start_ready(runtime).await
}

#[tokio::test]
async fn ten_a_minute_leave_and_the_rest_waits_its_turn() {
    let bench = Bench::start().await;
    let running = echoes(&bench).await;
    for number in 0..12 {
        bench.deliver(&number.to_string());
    }
    assert_eq!(bench.sent(10).await.len(), 10, "all of the allowance is usable");
    bench.advance_until(|| bench.sandbox.all_sent().len() == 12).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.counts().limits_exceeded, 0);
}

#[tokio::test]
async fn the_count_survives_a_restart() {
    let bench = Bench::start().await;
    let running = echoes(&bench).await;
    for number in 0..8 {
        bench.deliver(&number.to_string());
    }
    bench.sent(8).await;
    running.stop().await.unwrap();
    let running = echoes(&bench).await;
    for number in 8..12 {
        bench.deliver(&number.to_string());
    }
    bench.sent(10).await;
    bench.advance_until(|| bench.sandbox.all_sent().len() == 12).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.counts().limits_exceeded, 0);
}

#[tokio::test]
async fn the_day_ends_at_midnight_utc() {
    let bench = Bench::with(Sandbox::builder().burst(1_000).daily(5)).await;
    let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
    let runtime = bench
        .runtime()
        .clock(bench.clock.clone())
        .quotas(openmail_agent::limit::Quotas::new(1_000, 5))
        .handlers([Route::new("agent", handler)]);
    let running = bench.start_ready(runtime).await;
    for number in 0..7 {
        bench.deliver(&number.to_string());
    }
    bench.sent(5).await;
    bench.advance_by_until(Duration::from_secs(60 * 60), || bench.sandbox.all_sent().len() == 7).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.counts().limits_exceeded, 0);
}

#[tokio::test]
async fn a_429_teaches_and_loses_nothing() {
    let bench = Bench::start().await;
    let running = echoes(&bench).await;
    bench.sandbox.fault_next(1, Fault::send_limited(Duration::from_secs(30)));
    bench.deliver("first");
    soon(bench.sandbox.wait_for(|world| (world.counts().limits_ordered == 1).then_some(()))).await;
    bench.deliver("second");
    bench.advance_until(|| bench.sandbox.all_sent().len() == 2).await;
    running.stop().await.unwrap();
    let waited = bench.sandbox.all_sent()[0].sent_at.duration_since(bench.sandbox.now());
    assert!(waited.as_secs() <= 0);
    assert_eq!(bench.sandbox.counts().sends_refused, 1, "nothing else was tried before the time was up");
}

#[tokio::test]
async fn a_429_that_names_no_wait_is_not_asked_again_at_once() {
    let bench = Bench::start().await;
    let running = echoes(&bench).await;
    bench.sandbox.fault_next(4, Fault::send_limited(Duration::ZERO));
    let delivered_at = bench.sandbox.now();
    bench.deliver("hello");
    bench.advance_by_until(Duration::from_millis(250), || bench.sandbox.all_sent().len() == 1).await;
    running.stop().await.unwrap();
    let waited = bench.sandbox.all_sent()[0].sent_at.duration_since(delivered_at);
    assert!(waited.as_secs() >= 1 + 2 + 4 + 8, "{waited}");
    assert_eq!(bench.sandbox.counts().limits_ordered, 4);
}

#[tokio::test]
async fn a_limited_inbox_holds_up_no_other() {
    let bench = Bench::start().await;
    let other = bench.sandbox.create_inbox("sales");
    let running = echoes(&bench).await;
    for number in 0..15 {
        bench.deliver(&number.to_string());
    }
    bench.sent(10).await;
    bench.sandbox.deliver(openmail_sandbox::Mail::from("bob@example.com").to(&other.address).text("hello"));
    let sent = soon(bench.sandbox.wait_for_sent(&other.id, 1)).await;
    assert_eq!(sent[0].body, "re hello");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_sees_its_allowance_and_says_what_happens_without_one() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, context: ReplyContext| {
        let saw = saw.clone();
        async move {
            let allowance = context.allowance().await?;
            let eager = context.when_limited(WhenLimited::Fail);
            let outcome = eager.reply_now(format!("re {}", mail.text())).await;
            saw.see(format!("{} {}", allowance.minute, outcome.is_ok()));
            Ok::<_, openmail_agent::handler::Error>(())
        }
    };
    let runtime = bench.runtime().clock(bench.clock.clone()).handlers([Route::new("agent", handler)]);
    let running = bench.start_ready(runtime).await;
    let first = bench.deliver("0");
    for number in 1..=10 {
        bench.sandbox.deliver(bench.mail("ada@example.com", &number.to_string()).in_thread(&first.thread_id));
    }
    let all = seen.count(11).await;
    let expected: Vec<String> = (0..10).map(|used| format!("{} true", 10 - used)).collect();
    assert_eq!(all[..10], expected);
    assert_eq!(all[10], "0 false", "the eleventh has no slot and says so");
    running.stop().await.unwrap();
    assert_eq!((bench.sandbox.all_sent().len(), bench.sandbox.counts().limits_exceeded), (10, 0));
}

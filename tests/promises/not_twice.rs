//! One mail is handled to completion once, and each of its replies leaves once, whatever arrives twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use openmail_agent::clock;
use openmail_agent::handler::{Error, Mail, Reply, ReplyContext, WhenLimited};
use openmail_agent::limit::Quotas;
use openmail_agent::router::Route;
use openmail_agent::runtime::Runtime;
use openmail_sandbox::{Fault, Inbox, Operation};

use crate::bench::{Bench, Seen, soon};

#[tokio::test]
async fn an_event_that_arrives_twice_is_handled_once() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail| {
            saw.mail(&mail);
            async { Reply::text("once") }
        })
        .await;
    bench.sandbox.fault_next(1, Fault::DuplicateEvent);
    bench.deliver("first");
    bench.deliver("second");
    bench.sent(2).await;
    assert_eq!(bench.sandbox.counts().event_frames, 3);
    running.stop().await.unwrap();
    assert_eq!((seen.all().len(), bench.sandbox.all_sent().len()), (2, 2));
}

#[tokio::test]
async fn a_mail_replayed_after_a_restart_is_handled_once() {
    let bench = Bench::start().await;
    let running = bench.run(async |_: Mail| Reply::text("first life")).await;
    bench.deliver("Hello");
    bench.sent(1).await;
    running.stop().await.unwrap();

    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail| {
            saw.mail(&mail);
            async { Reply::text("second life") }
        })
        .await;
    bench.deliver("Another");
    bench.sent(2).await;
    running.stop().await.unwrap();
    assert_eq!(seen.all(), ["Another"]);
}

#[tokio::test]
async fn a_reply_whose_answer_was_lost_leaves_once() {
    let bench = Bench::start().await;
    let running = bench.run(async |_: Mail| Reply::text("once")).await;
    bench.sandbox.fault_next(1, Fault::send_answer_lost());
    bench.deliver("Hello");
    // The second attempt carries the same key, and the service answers it from the first.
    soon(bench.sandbox.wait_for(|world| (world.counts().sends_repeated == 1).then_some(()))).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 1);
    assert_eq!(bench.sandbox.counts().key_conflicts, 0);
}

#[tokio::test]
async fn other_words_on_a_second_try_do_not_change_what_was_committed() {
    let bench = Bench::start().await;
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let handler = move |_: Mail, replies: ReplyContext| {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            replies.reply_now(format!("working on it, said try {number}")).await?;
            if number == 1 {
                return Err(Error::msg("crashed after the first reply"));
            }
            Ok::<_, Error>(Reply::text(format!("done, said try {number}")))
        }
    };
    let runtime = bench.runtime().clock(bench.clock.clone());
    let runtime = runtime.handlers([Route::new("agent", handler)]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("Hello");
    bench.advance_until(|| bench.sandbox.all_sent().len() == 2).await;
    running.stop().await.unwrap();
    let words: Vec<_> = bench.sandbox.all_sent().iter().map(|sent| sent.body.clone()).collect();
    assert_eq!(words, ["working on it, said try 1", "done, said try 2"]);
    assert_eq!(bench.sandbox.counts().key_conflicts, 0);
}

#[tokio::test]
async fn a_reply_that_found_no_slot_and_is_given_again_leaves_once() {
    let bench = Bench::start().await;
    let (seen, tries) = (Seen::default(), Arc::new(AtomicU32::new(0)));
    let (saw, counted) = (seen.clone(), Arc::clone(&tries));
    let handler = move |mail: Mail, replies: ReplyContext| {
        let (saw, counted) = (saw.clone(), Arc::clone(&counted));
        async move {
            let eager = replies.when_limited(WhenLimited::Fail);
            while eager.reply_now(format!("re {}", mail.text())).await.is_err() {
                saw.see("no slot");
                // A slot does not ring.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            match (mail.text(), counted.fetch_add(1, Ordering::SeqCst)) {
                ("second", 1) => Err(Error::msg("crashed after the reply")),
                _ => Ok(()),
            }
        }
    };
    let runtime = bench.runtime().clock(bench.clock.clone()).quotas(Quotas::new(1, 100));
    let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
    bench.deliver("first");
    bench.sent(1).await;
    bench.deliver("second");
    seen.count(1).await;
    bench.advance_until(|| tries.load(Ordering::SeqCst) == 3).await;
    running.stop().await.unwrap();
    let words: Vec<_> = bench.sandbox.all_sent().iter().map(|sent| sent.body.clone()).collect();
    assert_eq!(words, ["re first", "re second"]);
}

#[tokio::test]
async fn a_step_is_paid_for_once() {
    let bench = Bench::start().await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let tries = Arc::new(AtomicU32::new(0));
    let handler = move |_: Mail, context: ReplyContext| {
        let (counted, tries) = (Arc::clone(&counted), Arc::clone(&tries));
        async move {
            let words: String = context
                .step("model", || async {
                    let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    Ok::<_, std::convert::Infallible>(format!("call {call}"))
                })
                .await?;
            if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Error::msg("crashed after the model answered"));
            }
            Ok(words)
        }
    };
    let runtime = bench.runtime().clock(bench.clock.clone());
    let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
    bench.deliver("Hello");
    bench.advance_until(|| bench.sandbox.all_sent().len() == 1).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent()[0].body, "call 1");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_mail_found_over_rest_and_over_the_socket_is_handled_once() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail| {
            saw.mail(&mail);
            async {}
        })
        .await;
    // The frame is held back, so that the catch-up after a lost connection finds the row first.
    let held = bench.sandbox.fault(Fault::HoldEvent);
    bench.deliver("Hello");
    bench.sandbox.drop_sockets();
    seen.count(1).await;
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    bench.sandbox.lift(held);
    soon(bench.sandbox.wait_for(|world| (world.counts().event_frames >= 1).then_some(()))).await;
    bench.deliver("Last");
    seen.count(2).await;
    running.stop().await.unwrap();
    assert_eq!(seen.all(), ["Hello", "Last"]);
    assert!(bench.sandbox.counts().requests(Operation::ListMessages) > 0);
}

#[tokio::test]
async fn a_mail_whose_inbox_cannot_be_listed_is_not_forgotten_and_found_again() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let bench = Bench::start().await;
    let echo = Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())));
    let runtime = bench.runtime().clock(bench.clock.clone()).retention(24 * HOUR).handlers([echo]);
    let running = bench.start_ready(runtime).await;
    bench.sandbox.fault(Fault::LoseAnswer { on: Some(Operation::ListMessages) });
    let first = bench.deliver("1");
    bench.sent(1).await;
    bench.rows("SELECT key FROM sends WHERE state = 'sent'", 1).await;
    let since = bench.clock.now();
    bench.advance_by_until(HOUR / 6, || clock::until(since, bench.clock.now()) > 27 * HOUR).await;
    bench.sandbox.deliver(bench.mail("ada@example.com", "2").in_thread(&first.thread_id));
    let bodies: Vec<_> = bench.sent(2).await.iter().map(|sent| sent.body.clone()).collect();
    assert_eq!(bodies, ["re 1", "re 2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_is_not_answered_again_after_its_inbox_was_not_served_for_days() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let serve = async |inbox: &Inbox| {
        let mut config = bench.config();
        config.inbox = Some(inbox.id.clone());
        let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
        let runtime = Runtime::new(config).clock(bench.clock.clone());
        let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
        running.caught_up().await.unwrap();
        running
    };
    let running = serve(&bench.inbox).await;
    bench.deliver("hello");
    bench.sent(1).await;
    running.stop().await.unwrap();

    // Long enough for what was finished to be forgotten, and its key too.
    let running = serve(&sales).await;
    let hours = AtomicU32::new(0);
    let passed = || hours.fetch_add(1, Ordering::Relaxed) >= 10 * 24;
    bench.advance_by_until(Duration::from_secs(60 * 60), passed).await;
    running.stop().await.unwrap();

    let running = serve(&bench.inbox).await;
    bench.deliver("once more");
    let sent = bench.sent(2).await;
    running.stop().await.unwrap();
    assert_eq!(sent[1].body, "re once more");
    assert_eq!(bench.sandbox.all_sent().len(), 2);
}

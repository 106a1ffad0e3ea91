//! What was finished is forgotten in time, and neither the file nor the memory grows without bound.

use std::time::Duration;

use openmail_agent::handler::{Handler, Mail, Reply, Thread};
use openmail_agent::limit::LoopLimits;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime};
use tokio::sync::watch;

use crate::bench::{Bench, Gate, Seen, soon};

/// How often the runtime prunes.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The shortest retention there is, in hours.
const RETENTION: usize = 24;

/// Two days of mail, less some hours, each with two kilobytes of words.
const HOURS: usize = 40;
const MAILS_AN_HOUR: usize = 200;

/// One mail in so many is answered: more would wait for the day's limit.
const ANSWERED: usize = 40;

#[tokio::test]
async fn a_file_through_which_mail_passes_for_days_keeps_its_size() {
    let bench = Bench::start().await;
    let (count, mut handled) = watch::channel(0);
    let handler = move |mail: Mail| {
        count.send_modify(|count| *count += 1);
        async move { mail.subject().ends_with("answer").then(|| Reply::text("answered")) }
    };
    let runtime = bench.runtime().clock(bench.clock.clone()).retention(Duration::ZERO).trust_events();
    // All of it is from one who is known to come to an end.
    let runtime = runtime.loop_limits(LoopLimits::UNLIMITED);
    let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
    let words = "many words ".repeat(200);
    let mut sizes = Vec::new();
    for hour in 1..=HOURS {
        for number in 0..MAILS_AN_HOUR {
            let subject = if number % ANSWERED == 0 { "please answer" } else { "for information" };
            bench.sandbox.deliver(bench.mail("ada@example.com", &words).subject(subject));
        }
        soon(handled.wait_for(|count| *count == hour * MAILS_AN_HOUR)).await.unwrap();
        bench.sent(hour * MAILS_AN_HOUR / ANSWERED).await;
        bench.no_more_than("SELECT count(*) FROM events WHERE state <> 'done'", 0).await;
        bench.no_more_than("SELECT count(*) FROM sends WHERE state <> 'sent'", 0).await;
        bench.advance(HOUR);
        let kept = hour.min(RETENTION + 1);
        bench.no_more_than("SELECT count(*) FROM events", kept * MAILS_AN_HOUR).await;
        sizes.push(std::fs::metadata(bench.store_path()).unwrap().len());
    }
    for table in ["events", "event_bodies"] {
        let kept = bench.no_more_than(&format!("SELECT count(*) FROM {table}"), usize::MAX).await;
        assert!((RETENTION - 1..=RETENTION + 1).contains(&(kept / MAILS_AN_HOUR)), "{kept} in {table}");
    }
    bench.no_more_than("SELECT count(*) FROM event_aliases", (RETENTION + 1) * MAILS_AN_HOUR).await;
    let answered_in_time = (RETENTION + 1) * MAILS_AN_HOUR / ANSWERED;
    for table in ["step_notes", "sends", "drafts"] {
        bench.no_more_than(&format!("SELECT count(*) FROM {table}"), answered_in_time).await;
    }
    // Two days of sends, so that yesterday's are there when the day turns.
    bench.no_more_than("SELECT count(*) FROM ledger", 2 * answered_in_time).await;
    let (full, last) = (sizes[RETENTION + 2], sizes[HOURS - 1]);
    assert!(last <= full + full / 20, "{sizes:?}");
    running.stop().await.unwrap();
}

/// More than there is room for, together.
const LARGE_THREADS: usize = 9;
const LARGE: usize = 8 * 1024 * 1024;

/// Has a mail come in each of some threads that a stranger has made large.
async fn mail_in_large_threads<A>(bench: &Bench, handler: impl Handler<A>) -> RunningRuntime {
    let mut config = bench.config();
    config.allowed_senders = "example.com".parse().unwrap();
    let running = bench.start_ready(Runtime::new(config).handlers([Route::new("agent", handler)])).await;
    let page = "x".repeat(LARGE);
    let begin =
        |_| bench.sandbox.deliver(bench.mail("eve@evil.example", "large").html(page.clone())).thread_id;
    let threads: Vec<_> = (0..LARGE_THREADS).map(begin).collect();
    bench.parked(LARGE_THREADS).await;
    for thread in threads {
        bench.sandbox.deliver(bench.mail("ada@example.com", "in a large thread").in_thread(thread));
    }
    running
}

/// Each is given its time: a build that is not optimised reads large conversations slowly.
async fn all_seen(seen: &Seen, count: usize) {
    for count in 1..=count {
        seen.count(count).await;
    }
}

#[tokio::test]
async fn a_large_conversation_is_in_memory_no_longer_than_its_handler_needs_it() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, passage) = (seen.clone(), gate.clone());
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        let passage = passage.clone();
        async move { passage.pass().await }
    };
    let running = mail_in_large_threads(&bench, handler).await;
    all_seen(&seen, LARGE_THREADS).await;
    gate.open();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn large_conversations_that_handlers_ask_for_wait_for_each_other_and_hold_up_no_small_one() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, passage) = (seen.clone(), gate.clone());
    let handler = move |mail: Mail, _: Thread| {
        saw.mail(&mail);
        let passage = passage.clone();
        async move { passage.pass().await }
    };
    let running = mail_in_large_threads(&bench, handler).await;
    // Of what each takes a little is free.
    let at_once = 64 * 1024 * 1024 / LARGE;
    all_seen(&seen, at_once).await;
    bench.deliver("in a small one");
    seen.words("in a small one").await;
    assert_eq!(seen.all().len(), at_once + 1);
    gate.open();
    all_seen(&seen, LARGE_THREADS + 1).await;
    running.stop().await.unwrap();
}

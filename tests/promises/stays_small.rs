//! What was finished is forgotten in time, and the file does not grow without bound.

use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::router::Route;
use tokio::sync::watch;

use crate::bench::{Bench, soon};

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

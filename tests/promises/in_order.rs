//! Mails of one thread are handled one at a time, oldest first; a slow, failing or limited thread holds up no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use openmail_agent::handler::{Error, Mail, Reply};
use openmail_agent::router::Route;
use openmail_sandbox::{Fault, Operation};

use crate::bench::{Bench, Gate, Seen};

/// Less than an answer of the service is waited for.
const AT_ONCE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn mails_of_a_thread_are_handled_one_at_a_time_in_order() {
    let bench = Bench::start().await;
    let (seen, running_now) = (Seen::default(), Arc::new(AtomicU32::new(0)));
    let (saw, counted) = (seen.clone(), Arc::clone(&running_now));
    let running = bench
        .run(move |mail: Mail| {
            let (saw, counted) = (saw.clone(), Arc::clone(&counted));
            async move {
                assert_eq!(counted.fetch_add(1, Ordering::SeqCst), 0, "two mails of one thread at once");
                tokio::task::yield_now().await;
                saw.mail(&mail);
                counted.fetch_sub(1, Ordering::SeqCst);
            }
        })
        .await;
    let first = bench.deliver("mail 0");
    let expected: Vec<String> = (0..20).map(|number| format!("mail {number}")).collect();
    for text in &expected[1..] {
        bench.sandbox.deliver(bench.mail("ada@example.com", text).in_thread(&first.thread_id));
    }
    assert_eq!(seen.count(20).await, expected);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_hanging_thread_holds_up_no_other() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, held) = (seen.clone(), gate.clone());
    let running = bench
        .run(move |mail: Mail| {
            let (saw, held) = (saw.clone(), held.clone());
            async move {
                if mail.text() == "slow" {
                    held.pass().await;
                }
                saw.mail(&mail);
            }
        })
        .await;
    let slow = bench.deliver("slow");
    bench.sandbox.deliver(bench.mail("ada@example.com", "after slow").in_thread(&slow.thread_id));
    bench.deliver("quick 1");
    bench.deliver("quick 2");
    let mut quick = seen.count(2).await;
    quick.sort();
    assert_eq!(quick, ["quick 1", "quick 2"]);
    gate.open();
    assert_eq!(seen.count(4).await[2..], ["slow", "after slow"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_failing_mail_holds_up_its_own_thread_until_it_is_given_up() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        async move {
            match mail.text() {
                "broken" => Err(Error::msg("cannot")),
                text => Ok(Reply::text(format!("answer to {text}"))),
            }
        }
    };
    let route = Route::new("agent", handler).retries(1);
    let running = bench.start_ready(bench.runtime().clock(bench.clock.clone()).handlers([route])).await;
    let broken = bench.deliver("broken");
    bench.sandbox.deliver(bench.mail("ada@example.com", "next").in_thread(&broken.thread_id));
    bench.deliver("elsewhere");
    bench.advance_until(|| seen.all().len() == 4).await;
    let order = seen.all();
    let at = |text: &str| order.iter().position(|seen| seen == text).unwrap();
    assert_eq!(order.iter().filter(|text| *text == "broken").count(), 2);
    assert!(at("elsewhere") < order.iter().rposition(|text| text == "broken").unwrap(), "{order:?}");
    assert_eq!(at("next"), 3, "{order:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn replies_of_a_thread_leave_in_order_however_the_first_fares() {
    let bench = Bench::start().await;
    let running = bench.run(async |mail: Mail| Reply::text(format!("re {}", mail.text()))).await;
    bench.sandbox.fault_next(2, openmail_sandbox::Fault::send_refused(503, "unavailable"));
    let first = bench.deliver("1");
    for number in 2..=4 {
        bench.sandbox.deliver(bench.mail("ada@example.com", &number.to_string()).in_thread(&first.thread_id));
    }
    let bodies: Vec<_> = bench.sent(4).await.iter().map(|sent| sent.body.clone()).collect();
    assert_eq!(bodies, ["re 1", "re 2", "re 3", "re 4"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_is_not_kept_waiting_by_a_service_that_is_slow_to_mark_its_thread_as_read() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, held) = (seen.clone(), gate.clone());
    let running = bench
        .run(move |mail: Mail| {
            let (saw, held) = (saw.clone(), held.clone());
            async move {
                saw.mail(&mail);
                held.pass().await;
            }
        })
        .await;
    let slow = Fault::SlowAnswer { on: Some(Operation::UpdateThread), by: Duration::from_secs(3_600) };
    let slow = bench.sandbox.fault(slow);
    let first = bench.deliver("first");
    seen.count(1).await;
    bench.sandbox.deliver(bench.mail("ada@example.com", "second").in_thread(&first.thread_id));
    bench.rows("SELECT event_id FROM events", 2).await;
    gate.open();
    let second = tokio::time::timeout(AT_ONCE, seen.count(2)).await;
    assert_eq!(second.expect("nothing is waited for"), ["first", "second"]);
    bench.sandbox.lift(slow);
    running.kill().await;
}

//! SIGTERM: intake stops, running handlers finish within a deadline, the rest stays in the store, exit 0. A second signal stops
//! at once, and loses nothing either.

use std::time::Duration;

use openmail_agent::handler::{Attempt, Cancelled, Mail, Reply};
use openmail_agent::router::Route;
use openmail_sandbox::{Fault, Operation};

use crate::bench::{Bench, Gate, Seen, soon};
use crate::process::Process;

#[tokio::test]
async fn intake_is_closed_while_a_running_handler_finishes_and_its_reply_is_not_lost() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, held) = (seen.clone(), gate.clone());
    let handler = move |mail: Mail, cancelled: Cancelled| {
        let (saw, held) = (saw.clone(), held.clone());
        async move {
            saw.mail(&mail);
            cancelled.cancelled().await;
            saw.see("told to stop");
            held.pass().await;
            Reply::text("finished")
        }
    };
    let (running, _) = bench.start_with_webhook([Route::new("agent", handler)]).await;
    let addr = running.webhook_addr().unwrap();
    bench.deliver("long");
    seen.count(1).await;
    let stopping = tokio::spawn(running.stop());
    seen.count(2).await;
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
    soon(async { while tokio::net::TcpStream::connect(addr).await.is_ok() {} }).await;
    bench.sandbox.clear_account_webhook();
    gate.open();
    soon(stopping).await.unwrap().unwrap();
    assert_eq!(seen.all(), ["long", "told to stop"]);

    let running = bench.run(async |mail: Mail| Reply::text(format!("again: {}", mail.text()))).await;
    assert_eq!(bench.sent(1).await[0].body, "finished");
    bench.deliver("after the restart");
    assert_eq!(bench.sent(2).await[1].body, "again: after the restart");
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 2);
}

#[tokio::test]
async fn an_application_around_it_stops_with_it_and_answers_what_is_under_way() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let running = bench.run(async |_: Mail| {}).await;
    let (saw, held, readiness) = (seen.clone(), gate.clone(), running.readiness().clone());
    let page = move || async move {
        saw.see("asked");
        held.pass().await;
        "answered"
    };
    let app = axum::Router::new().route("/", axum::routing::get(page));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { readiness.stopping().await });
    let served = tokio::spawn(async { server.await });

    let asked = tokio::spawn(reqwest::get(format!("http://{addr}/")));
    seen.count(1).await;
    soon(running.stop()).await.unwrap();
    soon(async { while tokio::net::TcpStream::connect(addr).await.is_ok() {} }).await;
    gate.open();
    assert_eq!(asked.await.unwrap().unwrap().text().await.unwrap(), "answered");
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_grace_without_end_is_no_trouble_to_who_needs_none() {
    let bench = Bench::start().await;
    let runtime = bench.runtime().grace(Duration::MAX).handlers([Route::new("agent", async |_: Mail| {})]);
    let running = bench.start_ready(runtime).await;
    soon(running.stop()).await.unwrap();
}

/// Stops an agent whose grace has no end while the service takes an hour over this request for its mail.
async fn stop_while_it_hangs(bench: &Bench, on: Operation, mail: &str) {
    let runtime = bench.runtime().grace(Duration::MAX).handlers([Route::new("agent", async |_: Mail| {})]);
    let running = bench.start_ready(runtime).await;
    bench.sandbox.fault_next(1, Fault::SlowAnswer { on: Some(on), by: Duration::from_secs(3_600) });
    bench.deliver(mail);
    soon(bench.sandbox.wait_for(|world| (world.outstanding_faults() == 0).then_some(()))).await;
    let stopped = tokio::time::timeout(Duration::from_secs(10), running.stop()).await;
    stopped.expect("nothing is waited for").unwrap();
}

/// The service hangs, and would be waited for as long as a request may take.
#[tokio::test]
async fn a_stop_waits_for_no_mail_whose_handler_has_not_begun() {
    let bench = Bench::start().await;
    stop_while_it_hangs(&bench, Operation::GetThreadMessages, "waits for its row").await;

    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, attempt: Attempt| {
        saw.see(format!("{}, {}", mail.text(), attempt.number));
        async {}
    };
    let running = bench.run(handler).await;
    assert_eq!(seen.count(1).await, ["waits for its row, 1"], "it was no try");
    running.stop().await.unwrap();
}

/// Its mail is handled, and settled: all that is lost is the mark.
#[tokio::test]
async fn a_stop_does_not_wait_for_a_service_that_is_slow_to_mark_a_thread_as_read() {
    let bench = Bench::start().await;
    stop_while_it_hangs(&bench, Operation::UpdateThread, "is handled").await;
    assert_eq!(bench.rows("SELECT state FROM events", 1).await, ["done"]);
}

#[tokio::test]
async fn a_handler_that_does_not_finish_is_given_back_without_an_attempt() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let hang = move |mail: Mail| {
        saw.mail(&mail);
        async {
            std::future::pending::<()>().await;
            Reply::text("never")
        }
    };
    let runtime = bench.runtime().grace(Duration::from_millis(50)).handlers([Route::new("agent", hang)]);
    let running = bench.start_ready(runtime).await;
    let first = bench.deliver("first");
    bench.sandbox.deliver(bench.mail("ada@example.com", "second").in_thread(&first.thread_id));
    seen.count(1).await;
    running.stop().await.unwrap();
    let waiting = bench.rows("SELECT state || ' ' || attempts FROM events ORDER BY seq", 1).await;
    assert_eq!(waiting[0], "waiting 0");

    let handler =
        async |mail: Mail, attempt: Attempt| Reply::text(format!("{} {}", mail.text(), attempt.number));
    let running = bench.run(handler).await;
    let bodies: Vec<_> = bench.sent(2).await.into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies, ["first 1", "second 1"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_ends_because_it_is_told_to_loses_no_try() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let polite = move |mail: Mail, cancelled: Cancelled| {
        saw.mail(&mail);
        async move {
            cancelled.cancelled().await;
            Err::<Reply, _>(openmail_agent::handler::Error::msg("stopped before it was done"))
        }
    };
    for stops in 1..=3 {
        let route = Route::new("agent", polite.clone()).retries(0);
        let running = bench.start_ready(bench.runtime().handlers([route])).await;
        if stops == 1 {
            bench.deliver("long");
        }
        seen.count(stops).await;
        running.stop().await.unwrap();
        let waiting = bench.rows("SELECT state || ' ' || attempts FROM events", 1).await;
        assert_eq!(waiting, ["waiting 0"], "after stop {stops}");
    }
}

#[tokio::test]
async fn a_stop_that_is_not_waited_for_stops_at_once_and_loses_nothing() {
    struct Dropped(Seen);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.see("dropped");
        }
    }

    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let hang = move |mail: Mail| {
        let saw = saw.clone();
        async move {
            saw.mail(&mail);
            let _dropped = Dropped(saw);
            std::future::pending::<()>().await;
        }
    };
    // A stop that were waited for would take an hour.
    let runtime = bench.runtime().grace(Duration::from_secs(3600)).handlers([Route::new("agent", hang)]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("first");
    seen.count(1).await;
    assert!(tokio::time::timeout(Duration::ZERO, running.stop()).await.is_err());
    assert_eq!(seen.count(2).await, ["first", "dropped"]);
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;

    let running = bench.run(async |mail: Mail| Reply::text(format!("again: {}", mail.text()))).await;
    assert_eq!(bench.sent(1).await[0].body, "again: first");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_told_to_stop_finishes_what_it_has_begun_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let bench = Bench::start().await;
        let mut process = Process::start(&bench, &[]);
        soon(bench.sandbox.wait_for_subscribed(1)).await;
        bench.deliver("wait");
        process.said.words("handling wait").await;
        process.signal(signal).await;
        process.log.words("stopping: ").await;
        process.say("go on").await;
        let ended = process.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);

        // Committed before the process ended; sent by it or by the next.
        let process = Process::start(&bench, &[]);
        assert_eq!(bench.sent(1).await[0].body, "re wait");
        bench.deliver("next");
        assert_eq!(bench.sent(2).await[1].body, "re next");
        process.signal("TERM").await;
        assert_eq!(process.ended().await.status.code(), Some(0));
        assert_eq!(bench.sandbox.all_sent().len(), 2);
    }
}

#[tokio::test]
async fn a_process_told_to_stop_while_it_starts_exits_with_0() {
    let bench = Bench::start().await;
    // A service that takes the connection and says nothing.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", mute.local_addr().unwrap());
    let process = Process::start(&bench, &[("OPENMAIL_BASE_URL", &url)]);
    let _connection = soon(mute.accept()).await.unwrap();
    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
}

#[tokio::test]
async fn a_second_signal_stops_at_once_and_loses_nothing() {
    let bench = Bench::start().await;
    let process = Process::start(&bench, &[]);
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    bench.deliver("wait");
    process.said.words("handling wait").await;
    process.signal("TERM").await;
    process.log.words("stopping: ").await;
    process.signal("TERM").await;
    // Nothing is said to the handler: it cannot have finished.
    let ended = process.ended().await;
    assert!(ended.log.contains("stopping at once"), "{}", ended.log);
    assert_eq!((ended.status.code(), bench.sandbox.all_sent().len()), (Some(0), 0));

    let mut process = Process::start(&bench, &[]);
    process.said.words("handling wait").await;
    process.say("go on").await;
    assert_eq!(bench.sent(1).await[0].body, "re wait");
    process.signal("TERM").await;
    assert_eq!(process.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_handler_that_blocks_a_thread_keeps_no_process_from_ending() {
    for (mail, grace, signals) in [("block", "3600", 2), ("block", "0", 1), ("hog", "3600", 2)] {
        let bench = Bench::start().await;
        let process = Process::start(&bench, &[("TEST_AGENT_GRACE", grace), ("TOKIO_WORKER_THREADS", "1")]);
        soon(bench.sandbox.wait_for_subscribed(1)).await;
        bench.deliver(mail);
        process.said.words(&format!("handling {mail}")).await;
        for _ in 0..signals {
            process.signal("TERM").await;
            process.log.words("stopping: ").await;
        }
        let ended = process.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{mail}: {}", ended.log);
        assert!(ended.log.contains("runs on"), "{mail}: {}", ended.log);
        let waiting = bench.rows("SELECT state FROM events", 1).await;
        assert_eq!(waiting, ["waiting"], "{mail} is handled after the restart");
    }
}

//! A panic, a hang or a flood in one handler, thread or agent costs the others nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openmail_agent::handler::{Error, Mail, Reply};
use openmail_agent::model::Inbox;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Runtime, StoreLocation};

use crate::bench::{Bench, Gate, Seen, soon};

/// Whatever goes wrong with the mail `bad`, it is a dead letter and the mail after it, in the same thread and in
/// another, is answered.
async fn costs_only_itself(bench: &Bench, route: Route) -> String {
    let running = bench.start_ready(bench.runtime().handlers([route.retries(0)])).await;
    let bad = bench.deliver("bad");
    bench.deliver("elsewhere");
    bench.sandbox.deliver(bench.mail("ada@example.com", "next").in_thread(&bad.thread_id));
    let mut bodies: Vec<_> = bench.sent(2).await.into_iter().map(|sent| sent.body).collect();
    bodies.sort();
    assert_eq!(bodies, ["re elsewhere", "re next"]);
    let error = bench.dead(1).await.remove(0);
    assert!(running.readiness().is_ready());
    running.stop().await.unwrap();
    error
}

fn re(mail: &Mail) -> Reply {
    Reply::text(format!("re {}", mail.text()))
}

#[tokio::test]
async fn a_panic_costs_only_its_own_mail() {
    let handler = async |mail: Mail| {
        assert_ne!(mail.text(), "bad", "this one is too much");
        re(&mail)
    };
    let error = costs_only_itself(&Bench::start().await, Route::new("agent", handler)).await;
    assert!(error.starts_with("it panicked") && error.contains("this one is too much"), "{error}");
}

#[tokio::test]
async fn an_error_costs_only_its_own_mail() {
    let handler = async |mail: Mail| match mail.text() {
        "bad" => Err(Error::msg("the model is out")),
        _ => Ok(re(&mail)),
    };
    let error = costs_only_itself(&Bench::start().await, Route::new("agent", handler)).await;
    assert_eq!(error, "the model is out");
}

#[tokio::test]
async fn a_hang_ends_at_its_timeout_and_costs_only_its_own_mail() {
    let handler = async |mail: Mail| {
        if mail.text() == "bad" {
            std::future::pending::<()>().await;
        }
        re(&mail)
    };
    let route = Route::new("agent", handler).timeout(Duration::from_millis(500));
    let error = costs_only_itself(&Bench::start().await, route).await;
    assert_eq!(error, "it did not finish within 500ms");
}

#[tokio::test]
async fn what_a_handler_drops_when_it_is_timed_out_is_dropped() {
    struct OnDrop(Seen);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.see("dropped");
        }
    }
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |_: Mail| {
        let held = OnDrop(saw.clone());
        async move {
            std::future::pending::<()>().await;
            drop(held);
        }
    };
    let route = Route::new("agent", handler).timeout(Duration::from_millis(50)).retries(0);
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.deliver("bad");
    seen.count(1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_panic_of_what_a_timed_out_handler_drops_costs_only_its_own_mail() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "not even an end");
        }
    }
    let handler = async |mail: Mail| {
        let _bomb = Bomb(mail.text() == "bad");
        if mail.text() == "bad" {
            std::future::pending::<()>().await;
        }
        re(&mail)
    };
    let route = Route::new("agent", handler).timeout(Duration::from_millis(500));
    let error = costs_only_itself(&Bench::start().await, route).await;
    assert_eq!(error, "it did not finish within 500ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_its_thread_holds_up_no_other_mail() {
    let bench = Bench::start().await;
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let handler = move |mail: Mail| {
        let gate = Arc::clone(&gate);
        async move {
            if mail.text() == "bad" {
                // As a model's client does that knows nothing of async.
                let _ = gate.lock().unwrap().recv();
            }
            re(&mail)
        }
    };
    let running = bench.run(handler).await;
    bench.deliver("bad");
    bench.deliver("one");
    bench.deliver("two");
    bench.sent(2).await;
    drop(open);
    let bodies = bench.sent(3).await.into_iter().map(|sent| sent.body);
    assert_eq!(bodies.last().as_deref(), Some("re bad"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_block_or_wait_hold_up_nothing_that_was_taken_with_them() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (open, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    let (saw, held) = (seen.clone(), gate.clone());
    let handler = move |mail: Mail| {
        let (saw, held, blocked) = (saw.clone(), held.clone(), Arc::clone(&blocked));
        async move {
            match mail.text() {
                "blocks" => drop(blocked.lock().unwrap().recv()),
                "waits" => held.pass().await,
                _ => {}
            }
            saw.mail(&mail);
        }
    };
    let running = bench.run(handler).await;
    for text in [["blocks"; 3].as_slice(), &["waits"; 10], &["ends"; 40], &["waits"; 10], &["ends"; 40]] {
        text.iter().for_each(|text| drop(bench.deliver(text)));
    }
    assert!(seen.count(80).await.iter().all(|text| text.ends_with("ends")));
    gate.open();
    assert!(seen.count(100).await[80..].iter().all(|text| text.ends_with("waits")));
    drop(open);
    assert!(seen.count(103).await[100..].iter().all(|text| text.ends_with("blocks")));
    running.stop().await.unwrap();
}

/// Of four that were taken together one ends, and whoever handled it goes on with the last of the others, which all block.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn what_an_event_kept_waiting_is_handled_once_that_ends_whatever_else_blocks() {
    for round in 0..20 {
        let bench = Bench::start().await;
        let seen = Seen::default();
        let (open, blocked) = std::sync::mpsc::channel::<()>();
        let (saw, blocked) = (seen.clone(), Arc::new(std::sync::Mutex::new(blocked)));
        let handler = move |mail: Mail| {
            if mail.text() == "blocks" {
                let _ = blocked.lock().unwrap().recv();
            }
            saw.mail(&mail);
            async {}
        };
        let mut config = bench.config();
        config.store = StoreLocation::Memory;
        let runtime = Runtime::new(config).trust_events().concurrency(4).concurrency_per_inbox(4);
        let running = bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await;
        let first = bench.deliver("ends");
        for _ in 0..3 {
            bench.deliver("blocks");
        }
        // In the thread of the first, and with no place to be handled in before that has ended.
        bench.sandbox.deliver(bench.mail("ada@example.com", "follows").in_thread(&first.thread_id));
        assert_eq!(seen.count(2).await, ["ends", "follows"], "round {round}");
        drop(open);
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_flood_in_one_inbox_keeps_no_other_waiting() {
    const FLOOD: usize = 100;
    const AT_ONCE: usize = 2;
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (saw, held, highest) = (seen.clone(), gate.clone(), Arc::clone(&most));
    let slow = move |mail: Mail| {
        let (saw, held, now, highest) = (saw.clone(), held.clone(), Arc::clone(&now), Arc::clone(&highest));
        async move {
            highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            saw.mail(&mail);
            held.pass().await;
            now.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let slow = Route::new("slow", slow).inbox(bench.inbox.id.clone()).concurrency(AT_ONCE);
    let quick = async |mail: Mail, inbox: Inbox| Reply::text(format!("re {} at {}", mail.text(), inbox.id));
    let quick = Route::new("quick", quick).inbox(sales.id.clone());
    // The flood alone could take every place there is.
    let runtime = bench.runtime().concurrency(FLOOD / 2).concurrency_per_inbox(FLOOD / 4);
    let running = bench.start_ready(runtime.handlers([slow, quick])).await;
    for number in 0..FLOOD {
        bench.deliver(&format!("flood {number}"));
    }
    seen.count(AT_ONCE).await;
    for number in 1..=3 {
        let mail = openmail_sandbox::Mail::from("bob@example.com").to(&sales.address).text("quick");
        bench.sandbox.deliver(mail);
        let sent = soon(bench.sandbox.wait_for_sent(&sales.id, number)).await;
        assert_eq!(sent[number - 1].body, format!("re quick at {}", sales.id));
    }
    assert_eq!(seen.all().len(), AT_ONCE, "the flood still stands");
    gate.open();
    seen.count(FLOOD).await;
    running.stop().await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
}

#[tokio::test]
async fn a_busy_handler_keeps_no_other_of_its_inbox_waiting() {
    let bench = Bench::start().await;
    let gate = Gate::closed();
    let held = gate.clone();
    let slow = Route::new("slow", move |_: Mail| {
        let held = held.clone();
        async move { held.pass().await }
    });
    let quick = Route::new("quick", async |mail: Mail| re(&mail));
    let routes = [slow.subject("slow*").concurrency(1), quick];
    let running =
        bench.start_ready(bench.runtime().concurrency(256).concurrency_per_inbox(16).handlers(routes)).await;
    for number in 0..40 {
        bench.sandbox.deliver(bench.mail("ada@example.com", "wait").subject(format!("slow {number}")));
    }
    bench.deliver("quickly");
    assert_eq!(bench.sent(1).await[0].body, "re quickly");
    gate.open();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_during_which_the_process_ends_again_and_again_is_given_up() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let handler = || {
        let saw = seen.clone();
        move |mail: Mail| {
            let saw = saw.clone();
            async move {
                saw.mail(&mail);
                std::future::pending::<()>().await;
            }
        }
    };
    let route = || Route::new("agent", handler()).retries(0);
    bench.deliver("history");
    let mut running = bench.start_ready(bench.runtime().handlers([route()])).await;
    bench.deliver("deadly");
    for crashes in 1..=6 {
        seen.count(crashes).await;
        running.kill().await;
        running = bench.start_ready(bench.runtime().handlers([route()])).await;
    }
    let error = bench.dead(1).await.remove(0);
    assert_eq!(error, "the process ended or panicked 6 times while it was being handled");
    assert_eq!(seen.all().len(), 6);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_that_ends_the_process_at_once_uses_up_no_try_of_another() {
    let bench = Bench::start().await;
    let (seen, put_back) = (Seen::default(), Seen::default());
    let path = bench.store_path();
    let route = || {
        let (seen, put_back, path) = (seen.clone(), put_back.clone(), path.clone());
        let handler = move |mail: Mail| {
            seen.mail(&mail);
            // What a process that ended here would leave behind.
            let file = rusqlite::Connection::open(&path).unwrap();
            let sql = "SELECT count(*) FROM events WHERE state = 'waiting' AND due_at > 0";
            put_back.see(file.query_row(sql, (), |row| row.get::<_, u32>(0)).unwrap().to_string());
            std::future::pending::<()>()
        };
        Route::new("agent", handler).retries(0)
    };
    // Without its row to wait for, a handler begins as soon as its mail is leased.
    let runtime = || bench.runtime().clock(bench.clock.clone()).trust_events().handlers([route()]);
    let running = bench.start_ready(runtime()).await;
    running.caught_up().await.unwrap();
    for number in 0..8 {
        bench.deliver(&format!("{number}"));
    }
    seen.count(8).await;
    running.kill().await;
    let running = bench.start_ready(runtime()).await;
    put_back.count(9).await;
    assert_eq!(put_back.all()[8], "7", "the tries of the others were taken back");
    running.kill().await;
}

#[tokio::test]
async fn a_mail_during_which_the_process_ends_takes_no_other_with_it() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let route = || {
        let (seen, gate) = (seen.clone(), gate.clone());
        let handler = move |mail: Mail| {
            let (saw, held) = (seen.clone(), gate.clone());
            async move {
                saw.mail(&mail);
                held.pass().await;
                Reply::text("still here")
            }
        };
        Route::new("agent", handler).retries(0)
    };
    let runtime = || bench.runtime().clock(bench.clock.clone()).handlers([route()]);
    bench.deliver("history");
    let mut running = bench.start_ready(runtime()).await;
    bench.deliver("deadly");
    bench.deliver("innocent");
    let mut begun = seen.count(2).await.len();
    running.kill().await;
    // Either may have been it, so that they are not begun together again: the process ends whenever it is the one.
    loop {
        running = bench.start_ready(runtime()).await;
        bench.advance_until(|| seen.all().len() > begun).await;
        let latest = seen.all().remove(begun);
        begun += 1;
        if latest == "innocent" {
            break;
        }
        running.kill().await;
    }
    let apart = "SELECT state FROM events WHERE state = 'dead' OR state = 'waiting' AND due_at > 0";
    bench.rows(apart, 1).await;
    assert_eq!(seen.all().len(), begun, "the other waits, or was given up");
    gate.open();
    bench.sent(1).await;
    running.stop().await.unwrap();
}

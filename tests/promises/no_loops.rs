//! Own addresses and automated mail are not answered, and nobody is without end. What is stopped is kept and reported, never silently dropped.

use openmail_agent::handler::{Attempt, Compose, Delivery, Mail, Reply, ReplyContext, Thread};
use openmail_agent::limit::LoopLimits;
use openmail_agent::model::{Direction, SendFailure};
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime};
use openmail_sandbox::Operation;

use crate::bench::{Bench, Seen};

async fn echoes(bench: &Bench) -> (RunningRuntime, Seen) {
    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail| {
            saw.mail(&mail);
            async move { Reply::text(format!("re {}", mail.text())) }
        })
        .await;
    (running, seen)
}

#[tokio::test]
async fn mail_from_an_own_address_is_set_aside() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let (running, seen) = echoes(&bench).await;
    for from in [&bench.inbox.address, &format!("Sales <{}>", sales.address.to_uppercase())] {
        bench.sandbox.deliver(bench.mail(from, "from ourselves"));
    }
    let reasons = bench.parked(2).await;
    assert!(reasons.iter().all(|reason| reason.contains("an inbox of this account")), "{reasons:?}");
    bench.deliver("from a human");
    assert_eq!(bench.sent(1).await[0].body, "re from a human");
    assert_eq!(seen.all(), ["from a human"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn two_agents_of_one_account_do_not_answer_each_other() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let seen = Seen::default();
    let (saw, colleague) = (seen.clone(), sales.address.clone());
    let running = bench
        .run(move |mail: Mail, compose: Compose| {
            saw.mail(&mail);
            compose.new_thread(
                colleague.parse().unwrap(),
                "Did you know?",
                format!("They wrote: {}", mail.text()),
            );
            async { Reply::text("I have told my colleague.") }
        })
        .await;
    bench.deliver("hello");
    bench.sent(2).await;
    bench.parked(1).await;
    running.stop().await.unwrap();
    assert_eq!(seen.all(), ["hello"]);
    assert_eq!(bench.sandbox.sent(&sales.id).len(), 0);
    let (running, seen) = echoes(&bench).await;
    bench.deliver("after a restart");
    bench.sent(3).await;
    running.stop().await.unwrap();
    assert_eq!((seen.all().len(), bench.sandbox.all_sent().len()), (1, 3));
}

#[tokio::test]
async fn automated_mail_is_handled_and_its_reply_stopped_and_kept() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail, context: ReplyContext| {
            saw.mail(&mail);
            async move {
                let now = context.reply_now(format!("at once: {}", mail.text())).await;
                let stopped = matches!(now, Ok(Delivery::Stopped { .. }));
                Reply::text(format!("in the end: {}, {stopped}", mail.text()))
            }
        })
        .await;
    bench
        .sandbox
        .deliver(bench.mail("robot@example.com", "automated").auto_replyable(false).category("automated"));
    let stopped = bench.rows("SELECT error FROM sends WHERE state = 'failed' ORDER BY seq", 2).await;
    assert!(stopped.iter().all(|error| error.contains("not to be answered automatically")), "{stopped:?}");
    let kept = bench.rows("SELECT draft FROM drafts ORDER BY seq", 2).await;
    assert!(
        kept[0].contains("at once: automated") && kept[1].contains("in the end: automated, true"),
        "{kept:?}"
    );

    // A report of a mail that could not be delivered, of which the service says no more.
    bench.sandbox.deliver(bench.mail("mailer-daemon@example.com", "report").category("bounce"));
    bench.rows("SELECT error FROM sends WHERE state = 'failed' ORDER BY seq", 4).await;

    // Not classified means nobody says no.
    bench.deliver("unclassified");
    bench.sandbox.deliver(bench.mail("grace@example.com", "human").auto_replyable(true));
    assert_eq!(bench.sent(4).await.len(), 4);
    running.stop().await.unwrap();
    let answered = bench.sandbox.all_sent();
    assert!(
        answered.iter().all(|sent| !["robot@example.com", "mailer-daemon@example.com"].contains(&&*sent.to))
    );
    assert_eq!(seen.all().len(), 4);
}

#[tokio::test]
async fn harmful_mail_never_reaches_a_handler() {
    let bench = Bench::start().await;
    let (running, seen) = echoes(&bench).await;
    for verdict in ["spam", "malicious"] {
        bench.sandbox.deliver(bench.mail("eve@evil.example", "click here").verdict(verdict));
    }
    bench.sandbox.deliver(bench.mail("eve@evil.example", "click here").category("malicious"));
    let mut reasons = bench.parked(3).await;
    reasons.sort();
    let malicious = "the service takes it for malicious";
    assert_eq!(reasons, [malicious, malicious, "the service takes it for spam"]);
    bench.sandbox.deliver(bench.mail("ada@example.com", "clean").verdict("clean"));
    assert_eq!(bench.sent(1).await[0].body, "re clean");
    running.stop().await.unwrap();
    assert_eq!(seen.all(), ["clean"]);
}

#[tokio::test]
async fn what_an_event_shows_to_be_for_no_handler_costs_no_request() {
    let bench = Bench::start().await;
    let mut config = bench.config();
    config.allowed_senders = "example.com".parse().unwrap();
    let runtime = Runtime::new(config).handlers([Route::new("agent", async |_: Mail| {})]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("for the handler");
    bench.rows("SELECT event_id FROM events WHERE state = 'done'", 1).await;
    running.caught_up().await.unwrap();
    let requests = || {
        let counts = bench.sandbox.counts();
        [Operation::GetThreadMessages, Operation::ListMessages].map(|operation| counts.requests(operation))
    };
    let before = requests();
    bench.sandbox.deliver(bench.mail("eve@evil.example", "from a stranger"));
    bench.sandbox.deliver(bench.mail("ada@example.com", "harmful").verdict("malicious"));
    bench.sandbox.deliver(bench.mail(&bench.inbox.address, "from ourselves"));
    bench.parked(3).await;
    assert_eq!(requests(), before);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_never_reaches_a_handler_is_not_in_the_threads_of_other_mail_either() {
    let bench = Bench::start().await;
    let runtime = || {
        let mut config = bench.config();
        config.allowed_senders = "example.com".parse().unwrap();
        Runtime::new(config).handlers([Route::new("agent", tells_the_thread)])
    };
    let running = bench.start_ready(runtime()).await;
    let first = bench.deliver("first").thread_id;
    bench.sent(1).await;
    let in_thread = |from: &str, text: &str| bench.mail(from, text).in_thread(&first);
    for verdict in ["spam", "malicious"] {
        bench.sandbox.deliver(in_thread("ada@example.com", verdict).verdict(verdict));
    }
    bench.sandbox.deliver(in_thread("eve@evil.example", "from a stranger"));
    bench.parked(3).await;
    bench.sandbox.deliver(in_thread("ada@example.com", "second"));
    assert_eq!(bench.sent(2).await[1].body, "first, (ours), second");
    running.stop().await.unwrap();

    // What the catch-up finds comes without its thread, which is read when it is asked for.
    bench.sandbox.deliver(in_thread("eve@evil.example", "from a stranger, again"));
    bench.sandbox.deliver(in_thread("ada@example.com", "third"));
    let running = bench.start_ready(runtime()).await;
    assert_eq!(bench.sent(3).await[2].body, "first, (ours), second, (ours), third");
    running.stop().await.unwrap();
    assert_eq!(bench.parked(4).await.len(), 4);
}

async fn tells_the_thread(thread: Thread) -> String {
    let words = thread.messages().iter().map(|message| match message.direction {
        Direction::Inbound => message.text.as_deref().unwrap_or_default(),
        Direction::Outbound => "(ours)",
    });
    words.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_reply_to_nobody_but_own_inboxes_is_stopped_and_kept() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let route = Route::new("agent", async |_: Mail| Reply::text("hello")).inbox(bench.inbox.id.clone());
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.sandbox.deliver_all(bench.mail("ada@example.com", "copied").cc_only(&sales.address));
    let stopped = bench.rows("SELECT error FROM sends WHERE state = 'failed'", 1).await;
    assert!(stopped[0].contains("inboxes of this account"), "{stopped:?}");
    bench.rows("SELECT event_id FROM events WHERE state = 'done' AND kind = 'message.received'", 1).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 0);
}

#[tokio::test]
async fn two_agents_that_each_serve_one_inbox_do_not_answer_each_other() {
    let bench = Bench::start().await;
    let other = bench.sandbox.create_inbox("sales");
    let mut running = Vec::new();
    for (number, inbox) in [&bench.inbox, &other].into_iter().enumerate() {
        let mut config = bench.config();
        config.inbox = Some(inbox.id.clone());
        config.store = openmail_agent::runtime::StoreLocation::Memory;
        let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
        let runtime = openmail_agent::Runtime::new(config)
            .handlers([openmail_agent::Route::new(format!("agent {number}"), handler)]);
        running.push(bench.start_ready(runtime).await);
    }
    // What one agent would send to the other, were it to begin.
    bench.sandbox.deliver(openmail_sandbox::Mail::from(&bench.inbox.address).to(&other.address).text("ping"));
    bench.sandbox.deliver(openmail_sandbox::Mail::from("ada@example.com").to(&other.address).text("hello"));
    let sent = crate::bench::soon(bench.sandbox.wait_for_sent(&other.id, 1)).await;
    assert_eq!(sent[0].to, "ada@example.com");
    for running in running {
        running.stop().await.unwrap();
    }
    assert_eq!(bench.sandbox.all_sent().len(), 1);
}

/// By then nothing is left of what spoke against it, and the handler must not take its reply for one that was refused.
#[tokio::test]
async fn a_reply_that_was_stopped_stays_so_when_its_handler_runs_again() {
    let bench = Bench::start().await;
    let start = async || {
        let seen = Seen::default();
        let saw = seen.clone();
        let handler = move |mail: Mail, attempt: Attempt, context: ReplyContext| {
            let saw = saw.clone();
            async move {
                let delivery = context.reply_now(format!("re {}", mail.text())).await;
                let answer = match &delivery {
                    Ok(Delivery::Stopped { .. }) => "stopped",
                    Ok(_) => "answered",
                    Err(_) => "refused",
                };
                saw.see(format!("{}: {answer}", mail.text()));
                if answer == "stopped" && attempt.number == 1 {
                    std::future::pending::<()>().await;
                }
            }
        };
        let runtime = bench.runtime().loop_limits(LoopLimits::new(1, 100));
        (bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await, seen)
    };
    let (running, seen) = start().await;
    bench.deliver("one");
    seen.count(1).await;
    bench.deliver("two");
    assert_eq!(seen.count(2).await, ["one: answered", "two: stopped"]);
    running.kill().await;

    let (running, seen) = start().await;
    assert_eq!(seen.count(1).await, ["two: stopped"]);
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 1);
}

#[tokio::test]
async fn a_handler_of_failed_replies_is_not_told_of_its_own() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let failed = Route::new("failed", move |failure: SendFailure, compose: Compose| {
        saw.see(failure.handler);
        compose.new_thread("human@corp.example".parse().unwrap(), "Not answered", "See to it.");
        async {}
    });
    let agent = Route::new("agent", async |_: Mail| Reply::text("hello"));
    let running = bench.start_ready(bench.runtime().handlers([agent, failed.event("reply.failed")])).await;
    for address in ["ada@example.com", "human@corp.example"] {
        bench.sandbox.suppress(address, "bounce");
    }
    bench.deliver("never answered");
    bench.rows("SELECT key FROM sends WHERE state = 'failed'", 2).await;
    // Whatever was to be told is told before this.
    bench.sandbox.deliver(bench.mail("grace@example.com", "answered"));
    bench.sent(1).await;
    running.stop().await.unwrap();
    assert_eq!(seen.all(), ["agent"]);
    assert_eq!(bench.rows("SELECT event_id FROM events WHERE kind = 'reply.failed'", 1).await.len(), 1);
}

/// An agent that answers nobody more often than three times in an hour.
async fn three_in_an_hour(bench: &Bench) -> RunningRuntime {
    let echo = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
    let runtime = bench.runtime().clock(bench.clock.clone()).loop_limits(LoopLimits::new(3, 100));
    bench.start_ready(runtime.handlers([Route::new("agent", echo)])).await
}

/// Has the agent answer `count` mails that come one after the other, and tells how many replies left.
async fn answered(bench: &Bench, count: usize, mail: impl Fn(usize) -> openmail_sandbox::Mail) -> usize {
    let before = bench.rows("SELECT event_id FROM events WHERE state = 'done'", 0).await.len();
    for number in 0..count {
        bench.sandbox.deliver(mail(number));
        bench.rows("SELECT event_id FROM events WHERE state = 'done'", before + number + 1).await;
        bench.no_more_than("SELECT count(*) FROM sends WHERE state NOT IN ('sent', 'failed')", 0).await;
    }
    bench.sandbox.all_sent().len()
}

#[tokio::test]
async fn a_correspondent_who_answers_without_end_is_not_answered_without_end() {
    let bench = Bench::start().await;
    let running = three_in_an_hour(&bench).await;
    // A machine that begins a new conversation with each of its answers.
    let robot = |number| bench.mail("Robot <robot@example.com>", &format!("{number}"));
    assert_eq!(answered(&bench, 5, robot).await, 3);
    let kept = bench.rows("SELECT error FROM sends WHERE state = 'failed'", 2).await;
    assert!(kept.iter().all(|error| error.contains("a loop of two machines")), "{kept:?}");
    let ada = |_| bench.mail("Ada <ada@example.com>", "hello");
    assert_eq!(answered(&bench, 1, ada).await, 4, "nobody else is held up");
    bench.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(answered(&bench, 1, robot).await, 5, "an hour later it may go on");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_conversation_without_end_comes_to_one_whoever_writes_in_it_and_over_a_restart() {
    let bench = Bench::start().await;
    let running = three_in_an_hour(&bench).await;
    let thread = bench.deliver("hello").thread_id;
    bench.sent(1).await;
    let anybody = |number| bench.mail(&format!("robot{number}@example.com"), "ping").in_thread(&thread);
    assert_eq!(answered(&bench, 1, anybody).await, 2);
    running.stop().await.unwrap();
    let running = three_in_an_hour(&bench).await;
    assert_eq!(answered(&bench, 3, anybody).await, 3);
    running.stop().await.unwrap();
    bench.rows("SELECT error FROM sends WHERE state = 'failed'", 2).await;
}

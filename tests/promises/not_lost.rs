//! What was acknowledged is in the store: kill the process at any step, and after the restart every mail is handled.

use std::time::Duration;

use openmail_agent::handler::{Error, Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Config, Runtime};
use openmail_sandbox::{Fault, Inbox, Operation, Scope};

use crate::bench::{Bench, Gate, Seen, soon};

#[tokio::test]
async fn a_mail_is_answered() {
    let bench = Bench::start().await;
    let running = bench.run(async |mail: Mail| Reply::text(format!("You wrote: {}", mail.text()))).await;
    let delivered = bench.deliver("Hello?");
    let sent = bench.sent(1).await;
    assert_eq!(sent[0].thread_id, delivered.thread_id);
    assert!(sent[0].text.starts_with("You wrote: Hello?"), "{:?}", sent[0].text);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_whose_handler_was_killed_is_handled_after_the_restart() {
    let bench = Bench::start().await;
    let (seen, gate) = (Seen::default(), Gate::closed());
    let (saw, held) = (seen.clone(), gate.clone());
    let running = bench
        .run(move |mail: Mail| {
            let (saw, held) = (saw.clone(), held.clone());
            async move {
                saw.mail(&mail);
                held.pass().await;
                Reply::text("from the first process")
            }
        })
        .await;
    bench.deliver("Are you there?");
    seen.count(1).await;
    running.kill().await;
    assert_eq!(bench.sandbox.all_sent().len(), 0, "a handler that did not finish sends nothing");

    let running = bench.run(async |_: Mail| Reply::text("from the second process")).await;
    let sent = bench.sent(1).await;
    assert!(sent[0].text.starts_with("from the second process"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_to_an_inbox_that_is_not_served_for_now_is_handled_once_it_is_again() {
    serve_one_and_then_another(|_, config, inbox| config.inbox = Some(inbox.id.clone())).await;
}

#[tokio::test]
async fn a_mail_to_an_inbox_that_the_key_does_not_see_for_now_is_handled_once_it_does_again() {
    serve_one_and_then_another(|bench, config, inbox| {
        let key = bench.sandbox.create_key(Scope::Inbox(inbox.id.clone()));
        config.api_key = Secret::new(&key.token);
    })
    .await;
}

async fn serve_one_and_then_another(only: impl Fn(&Bench, &mut Config, &Inbox)) {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let serve = async |inbox: &Inbox, gate: Gate| {
        let mut config = bench.config();
        only(&bench, &mut config, inbox);
        let handler = move |mail: Mail| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Reply::text(format!("re {}", mail.text()))
            }
        };
        bench.start_ready(Runtime::new(config).handlers([Route::new("agent", handler)])).await
    };
    let open = Gate::closed();
    open.open();
    let running = serve(&bench.inbox, Gate::closed()).await;
    bench.deliver("to support");
    bench.rows("SELECT event_id FROM events", 1).await;
    running.kill().await;

    let running = serve(&sales, open.clone()).await;
    let mail = bench.mail("Ada <ada@example.com>", "to sales").to(&sales.address);
    bench.sandbox.deliver(mail.deliver_to([&sales.address]));
    let sent = soon(bench.sandbox.wait_for_sent(&sales.id, 1)).await;
    assert_eq!(sent[0].body, "re to sales");
    running.stop().await.unwrap();
    assert_eq!(bench.rows("SELECT state FROM events ORDER BY seq", 2).await, ["waiting", "done"]);

    let running = serve(&bench.inbox, open).await;
    assert_eq!(bench.sent(1).await[0].body, "re to support");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_reply_from_an_inbox_that_the_key_does_not_see_for_now_leaves_once_it_does_again() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let serve = async |inbox: &Inbox| {
        let mut config = bench.config();
        config.api_key = Secret::new(&bench.sandbox.create_key(Scope::Inbox(inbox.id.clone())).token);
        let handler = async |mail: Mail| Reply::text(format!("re {}", mail.text()));
        let runtime = Runtime::new(config).clock(bench.clock.clone());
        bench.start_ready(runtime.handlers([Route::new("agent", handler)])).await
    };
    let running = serve(&bench.inbox).await;
    let down = bench.sandbox.fault(Fault::send_refused(503, "unavailable"));
    bench.deliver("to support");
    bench.rows("SELECT key FROM sends WHERE state = 'owed' AND due_at IS NOT NULL", 1).await;
    running.kill().await;
    bench.sandbox.lift(down);

    // That the service fails for a moment is no reason to take the key for another.
    bench.sandbox.fault_next(1, Fault::ProxyError { on: Some(Operation::GetMe), status: 502 });
    let running = serve(&sales).await;
    bench.clock.advance(Duration::from_secs(60));
    let mail = bench.mail("Ada <ada@example.com>", "to sales").to(&sales.address);
    bench.sandbox.deliver(mail.deliver_to([&sales.address]));
    soon(bench.sandbox.wait_for_sent(&sales.id, 1)).await;
    running.stop().await.unwrap();
    assert_eq!(bench.rows("SELECT state FROM sends ORDER BY seq", 2).await, ["owed", "sent"]);

    let running = serve(&bench.inbox).await;
    assert_eq!(bench.sent(1).await[0].body, "re to support");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_failing_handler_is_tried_again_and_sends_only_its_success() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let runtime = bench.runtime().clock(bench.clock.clone()).handlers([openmail_agent::router::Route::new(
        "agent",
        move |mail: Mail, replies: openmail_agent::handler::ReplyContext| {
            let try_number = saw.mail(&mail);
            async move {
                replies.reply(format!("try {try_number}")).map_err(Error::from)?;
                if try_number < 3 { Err(Error::msg("the model is busy")) } else { Ok(()) }
            }
        },
    )]);
    let running = bench.start_ready(runtime).await;
    bench.deliver("Hello?");
    for tries in 1..3 {
        seen.count(tries).await;
        bench.advance_until(|| seen.all().len() > tries).await;
    }
    let sent = bench.sent(1).await;
    assert!(sent[0].text.starts_with("try 3"), "{}", sent[0].text);
    assert_eq!(bench.sandbox.all_sent().len(), 1);
    running.stop().await.unwrap();
}

//! What was acknowledged is in the store: kill the process at any step, and after the restart every mail is handled.

use openmail_agent::handler::{Error, Mail, Reply};

use crate::bench::{Bench, Gate, Seen};

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

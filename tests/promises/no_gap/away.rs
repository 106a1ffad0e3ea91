use openmail_agent::handler::{Mail, Reply};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{RunningRuntime, Runtime};
use openmail_agent::transport::websocket::SocketState;
use openmail_sandbox::{Drift, Fault, NewInbox, Pod, Scope};

use crate::bench::{Bench, Seen, soon};

async fn echoes(bench: &Bench) -> (openmail_agent::runtime::RunningRuntime, Seen) {
    let seen = Seen::default();
    let saw = seen.clone();
    let running = bench
        .run(move |mail: Mail| {
            saw.mail(&mail);
            async {}
        })
        .await;
    (running, seen)
}

/// What came, with its order forgotten: a gap is about what is there.
fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

#[tokio::test]
async fn a_deaf_socket_is_not_ready() {
    let bench = Bench::start().await;
    let deaf = bench.sandbox.fault(Fault::DeafSocket);
    let runtime = bench.runtime().handlers([openmail_agent::router::Route::new("agent", async |_: Mail| {})]);
    let running = runtime.start().await.unwrap();
    soon(bench.sandbox.wait_for(|world| (world.counts().sockets_opened > 0).then_some(()))).await;
    assert_eq!(*running.socket().borrow(), SocketState::Connecting);
    bench.sandbox.lift(deaf);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn mail_that_came_while_the_socket_was_down_is_replayed() {
    let bench = Bench::start().await;
    let (running, seen) = echoes(&bench).await;
    bench.deliver("before");
    seen.count(1).await;
    let refused = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    bench.sandbox.drop_sockets();
    bench.deliver("while away 1");
    bench.deliver("while away 2");
    bench.sandbox.lift(refused);
    assert_eq!(sorted(seen.count(3).await), ["before", "while away 1", "while away 2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn mail_that_came_while_the_process_was_away_is_found() {
    let bench = Bench::start().await;
    let (running, seen) = echoes(&bench).await;
    bench.deliver("before");
    seen.count(1).await;
    running.stop().await.unwrap();
    bench.deliver("while away");
    let (running, seen) = echoes(&bench).await;
    assert_eq!(seen.count(1).await, ["while away"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_cursor_is_made_good_over_rest() {
    let bench = Bench::start().await;
    let (running, seen) = echoes(&bench).await;
    bench.deliver("before");
    seen.count(1).await;
    running.stop().await.unwrap();
    bench.sandbox.fault_next(1, Fault::RefuseCursor);
    bench.deliver("while away");
    let (running, seen) = echoes(&bench).await;
    assert_eq!(seen.count(1).await, ["while away"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn more_than_a_replay_brings_is_found() {
    for newest in [false, true] {
        let bench = Bench::start().await;
        if newest {
            bench.sandbox.drift(Drift::ReplayNewest);
        }
        let (running, seen) = echoes(&bench).await;
        bench.deliver("before");
        seen.count(1).await;
        running.stop().await.unwrap();
        for number in 0..250 {
            bench.deliver(&format!("missed {number:03}"));
        }
        let (running, seen) = echoes(&bench).await;
        let found = sorted(seen.count(250).await);
        let expected: Vec<String> = (0..250).map(|number| format!("missed {number:03}")).collect();
        assert_eq!(found, expected, "newest first: {newest}");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn old_mail_is_not_answered_on_the_very_first_start() {
    let bench = Bench::start().await;
    bench.deliver("from before the agent was born");
    let running = bench.run(async |mail: Mail| Reply::text(format!("re {}", mail.text()))).await;
    bench.deliver("new");
    let sent = bench.sent(1).await;
    assert_eq!(sent[0].body, "re new");
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.all_sent().len(), 1);
}

#[tokio::test]
async fn mail_to_an_inbox_that_was_made_since_is_found_although_no_event_told_of_it() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail| {
        saw.mail(&mail);
        async {}
    };
    let runtime = bench.runtime().clock(bench.clock.clone());
    let running =
        bench.start_ready(runtime.handlers([openmail_agent::router::Route::new("agent", handler)])).await;
    bench.deliver("to the old inbox");
    seen.count(1).await;
    bench.sandbox.advance(std::time::Duration::from_secs(1));
    let new = bench.sandbox.create_inbox("brandnew");
    bench.sandbox.fault_next(1, Fault::LoseEvent);
    bench
        .sandbox
        .deliver(openmail_sandbox::Mail::from("ada@example.com").to(&new.address).text("to the new"));
    bench.advance_by_until(std::time::Duration::from_secs(10), || seen.all().len() == 2).await;
    assert_eq!(seen.all()[1], "to the new");
    running.stop().await.unwrap();
}

/// An agent with a pod's key, which subscribes to the inboxes that there are: the socket is not told of later ones.
async fn run_for_a_pod(bench: &Bench) -> (RunningRuntime, Pod) {
    let pod = bench.sandbox.create_pod("tenant");
    bench.sandbox.create_inbox_with(NewInbox::named("early").pod(&pod.id));
    let secret = bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
    let mut config = bench.config();
    config.api_key = Secret::new(&bench.sandbox.create_key(Scope::Pod(pod.id.clone())).token);
    config.webhook_addr = Some(([127, 0, 0, 1], 0).into());
    config.webhook_secrets = vec![Secret::new(&secret)];
    let runtime = Runtime::new(config).clock(bench.clock.clone());
    let agent = Route::new("agent", async |mail: Mail| Reply::text(mail.text()));
    let running = bench.start_ready(runtime.handlers([agent])).await;
    bench.tell_the_webhook_of(&running);
    (running, pod)
}

#[tokio::test]
async fn an_inbox_that_a_webhook_was_the_first_to_tell_of_is_subscribed_to() {
    let bench = Bench::start().await;
    let (running, pod) = run_for_a_pod(&bench).await;
    let late = bench.sandbox.create_inbox_with(NewInbox::named("late").pod(&pod.id));
    let mail = |text: &str| openmail_sandbox::Mail::from("ada@example.com").to(&late.address).text(text);
    let subscriptions = bench.sandbox.counts().subscriptions;
    bench.sandbox.deliver(mail("by webhook"));
    soon(bench.sandbox.wait_for_sent(&late.id, 1)).await;
    let anew = |world: &openmail_sandbox::View<'_>| world.counts().subscriptions > subscriptions;
    soon(bench.sandbox.wait_for(|world| anew(world).then_some(()))).await;
    bench.sandbox.deliver(mail("by socket"));
    soon(bench.sandbox.wait_for_sent(&late.id, 2)).await;
    assert_eq!(bench.sandbox.look(|world| world.webhook_attempts().len()), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_inbox_that_no_mail_has_told_of_yet_is_subscribed_to() {
    let bench = Bench::start().await;
    let (running, pod) = run_for_a_pod(&bench).await;
    let subscriptions = bench.sandbox.counts().subscriptions;
    let late = bench.sandbox.create_inbox_with(NewInbox::named("late").pod(&pod.id));
    bench.advance_until(|| bench.sandbox.counts().subscriptions > subscriptions).await;
    bench
        .sandbox
        .deliver(openmail_sandbox::Mail::from("ada@example.com").to(&late.address).text("by socket"));
    soon(bench.sandbox.wait_for_sent(&late.id, 1)).await;
    assert_eq!(bench.sandbox.look(|world| world.webhook_attempts().len()), 0);
    running.stop().await.unwrap();
}

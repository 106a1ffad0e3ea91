use std::time::Duration;

use openmail_agent::handler::{Mail, Reply};
use openmail_agent::limit::LoopLimits;
use openmail_agent::router::Route;
use openmail_agent::runtime::RunningRuntime;
use openmail_sandbox::{Drift, EventState, Fault};

use crate::bench::{Bench, soon};

/// The longest wait between two of the service's attempts.
const LAST_RETRY: Duration = Duration::from_secs(4 * 60);
/// After the fifth the service gives an event up.
const ATTEMPTS: usize = 5;

fn echo() -> Route {
    Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())))
}

/// On the bench's clock, since a webhook that is signed minutes ahead would be refused.
async fn start(bench: &Bench) -> RunningRuntime {
    let (runtime, _) = bench.runtime_with_webhook();
    // One conversation gets more answers than any that comes to an end by itself.
    let runtime = runtime.clock(bench.clock.clone()).loop_limits(LoopLimits::UNLIMITED);
    let running = bench.start_ready(runtime.handlers([echo()])).await;
    bench.tell_the_webhook_of(&running);
    running
}

/// Writes mails of one conversation.
fn write(bench: &Bench, thread: &str, texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let write = |text: String| {
        bench.advance(Duration::from_millis(10));
        bench.sandbox.deliver(bench.mail("Ada <ada@example.com>", &text).in_thread(thread));
        text
    };
    texts.into_iter().map(write).collect()
}

/// Lets the service try its webhook until it gives these mails up.
async fn the_service_gives_up(bench: &Bench, mails: usize) {
    for attempt in 1..=ATTEMPTS {
        let tried = |world: &openmail_sandbox::View<'_>| {
            (world.webhook_attempts().len() >= attempt * mails).then_some(())
        };
        soon(bench.sandbox.wait_for(tried)).await;
        bench.advance(LAST_RETRY);
    }
    let attempts = bench.sandbox.webhook_attempts();
    assert_eq!(attempts.len(), ATTEMPTS * mails);
    let state = |id| bench.sandbox.event(id).map(|event| event.state);
    assert!(attempts.iter().all(|attempt| state(&attempt.event_id) == Some(EventState::Failed)));
}

/// The socket is tried again half a minute later at the most.
async fn socket_is_back(bench: &Bench) {
    let back = bench.sandbox.wait_for_subscribed(1);
    tokio::time::timeout(Duration::from_secs(90), back).await.expect("the socket is tried again");
}

/// Holds that each was answered once, in order, and in the conversation.
async fn are_answered(bench: &Bench, texts: &[String]) {
    bench.advance_until(|| bench.sandbox.all_sent().len() >= texts.len()).await;
    let answers: Vec<_> = bench.sandbox.all_sent().into_iter().map(|sent| sent.body).collect();
    let expected: Vec<_> = texts.iter().map(|text| format!("re {text}")).collect();
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn mail_that_the_service_gave_up_delivering_is_found_although_only_the_webhook_came_back() {
    let bench = Bench::start().await;
    let running = start(&bench).await;
    let thread = bench.deliver("before").thread_id;
    let mut texts = vec!["before".to_owned()];
    are_answered(&bench, &texts).await;
    running.stop().await.unwrap();
    // What the service writes to a socket of whose end it has not heard yet goes to no webhook; and the port is anybody's now.
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
    bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");

    texts.extend(write(&bench, &thread, ["missed 1".to_owned(), "missed 2".to_owned()]));
    the_service_gives_up(&bench, 2).await;
    let refused = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    let running = start(&bench).await;
    are_answered(&bench, &texts).await;
    texts.extend(write(&bench, &thread, ["over the webhook".to_owned()]));
    are_answered(&bench, &texts).await;

    bench.sandbox.lift(refused);
    socket_is_back(&bench).await;
    texts.extend(write(&bench, &thread, ["over the socket".to_owned()]));
    are_answered(&bench, &texts).await;
    assert!(bench.sandbox.counts().events_replayed >= 3, "all that was missed came a second time");
    running.stop().await.unwrap();
    bench.assert_well_spoken();
}

#[tokio::test]
async fn an_outage_of_both_ways_longer_than_the_webhooks_retries_leaves_no_gap() {
    let bench = Bench::start().await;
    bench.sandbox.drift(Drift::ReplayNewest);
    let running = start(&bench).await;
    let thread = bench.deliver("before").thread_id;
    let mut texts = vec!["before".to_owned()];
    are_answered(&bench, &texts).await;

    let unreachable = bench.sandbox.fault(Fault::RefuseUpgrade { status: 503 });
    bench.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
    bench.sandbox.drop_sockets();
    soon(bench.sandbox.wait_for(|world| (world.sockets() == 0).then_some(()))).await;
    texts.extend(write(&bench, &thread, (0..130).map(|number| format!("missed {number}"))));
    the_service_gives_up(&bench, 130).await;

    bench.sandbox.lift(unreachable);
    bench.tell_the_webhook_of(&running);
    socket_is_back(&bench).await;
    texts.extend(write(&bench, &thread, ["back again".to_owned()]));
    are_answered(&bench, &texts).await;
    running.stop().await.unwrap();
    bench.assert_well_spoken();
}

#[tokio::test]
async fn the_readiness_probe_says_no_until_the_subscription_is_confirmed() {
    let bench = Bench::start().await;
    let deaf = bench.sandbox.fault(Fault::DeafSocket);
    let (runtime, _) = bench.runtime_with_webhook();
    let running = runtime.handlers([echo()]).start().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let probe = format!("http://{}/readyz", running.webhook_addr().unwrap());
    soon(bench.sandbox.wait_for(|world| (world.counts().sockets_opened > 0).then_some(()))).await;
    assert_eq!(http.get(&probe).send().await.unwrap().status(), 503, "open, and deaf");
    bench.sandbox.lift(deaf);
    bench.sandbox.drop_sockets();
    soon(bench.sandbox.wait_for_subscribed(1)).await;
    soon(running.ready()).await.unwrap();
    assert_eq!(http.get(&probe).send().await.unwrap().status(), 200);
    running.stop().await.unwrap();
}

//! A suspended inbox or pod, or a paused account, holds its sends until it is allowed again.

use std::time::Duration;

use openmail_agent::handler::{Error, Mail, Reply, ReplyContext};
use openmail_agent::model::{Lifecycle, SendFailure};
use openmail_agent::router::Route;
use openmail_agent::runtime::RunningRuntime;
use openmail_sandbox::{Fault, NewInbox};

use crate::bench::{Bench, Seen, soon};

fn echo() -> Route {
    Route::new("agent", async |mail: Mail| Reply::text(format!("re {}", mail.text())))
}

/// Waits until the webhook has taken this event and the runtime has done with it.
async fn told(bench: &Bench, event_id: Option<String>) {
    let id = event_id.expect("there is something to suspend");
    bench.rows(&format!("SELECT event_id FROM events WHERE event_id = '{id}' AND state = 'done'"), 1).await;
}

async fn refused(bench: &Bench, count: u64) {
    soon(bench.sandbox.wait_for(|world| (world.counts().sends_refused >= count).then_some(()))).await;
}

/// On a clock that is moved by hand, without a webhook.
async fn on_manual_time(bench: &Bench) -> RunningRuntime {
    bench.start_ready(bench.runtime().clock(bench.clock.clone()).handlers([echo()])).await
}

#[tokio::test]
async fn a_suspended_inbox_holds_its_replies_until_it_is_reactivated_and_others_go_on() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let (running, _) = bench.start_with_webhook([echo()]).await;
    told(&bench, bench.sandbox.suspend_inbox(&bench.inbox.id, "high_bounce_rate")).await;
    bench.deliver("held 1");
    bench.deliver("held 2");
    bench.owed(2).await;
    bench
        .sandbox
        .deliver(openmail_sandbox::Mail::from("bob@example.com").to(&sales.address).text("elsewhere"));
    soon(bench.sandbox.wait_for_sent(&sales.id, 1)).await;
    assert_eq!(bench.sandbox.counts().sends_refused, 0, "nothing was tried that could only be refused");
    told(&bench, bench.sandbox.reactivate_inbox(&bench.inbox.id)).await;
    let bodies: Vec<_> = bench.sent(2).await.into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies, ["re held 1", "re held 2"]);
    running.stop().await.unwrap();
    bench.assert_well_spoken();
}

#[tokio::test]
async fn a_hold_survives_a_restart() {
    let bench = Bench::start().await;
    let (running, _) = bench.start_with_webhook([echo()]).await;
    told(&bench, bench.sandbox.suspend_inbox(&bench.inbox.id, "abuse")).await;
    running.stop().await.unwrap();
    let (running, _) = bench.start_with_webhook([echo()]).await;
    bench.deliver("held");
    bench.owed(1).await;
    told(&bench, bench.sandbox.reactivate_inbox(&bench.inbox.id)).await;
    assert_eq!(bench.sent(1).await[0].body, "re held");
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.counts().sends_refused, 0);
}

#[tokio::test]
async fn news_in_the_wrong_order_ends_as_the_newest_says() {
    let bench = Bench::start().await;
    let (running, _) = bench.start_with_webhook([echo()]).await;
    let late = bench.sandbox.fault_next(1, Fault::HoldEvent);
    let suspended = bench.sandbox.suspend_inbox(&bench.inbox.id, "other");
    bench.sandbox.advance(Duration::from_secs(1));
    told(&bench, bench.sandbox.reactivate_inbox(&bench.inbox.id)).await;
    bench.sandbox.lift(late);
    told(&bench, suspended).await;
    bench.deliver("answered");
    assert_eq!(bench.sent(1).await[0].body, "re answered");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_suspended_pod_holds_all_of_its_inboxes_and_no_other() {
    let bench = Bench::start().await;
    let pod = bench.sandbox.create_pod("tenant");
    let inboxes = ["one", "two.two"].map(|name| {
        let name = format!("tenant.{name}");
        bench.sandbox.create_inbox_with(NewInbox::named(name).pod(&pod.id))
    });
    let (running, _) = bench.start_with_webhook([echo()]).await;
    told(&bench, bench.sandbox.suspend_pod(&pod.id, "pod_degraded")).await;
    for inbox in &inboxes {
        bench
            .sandbox
            .deliver(openmail_sandbox::Mail::from("bob@example.com").to(&inbox.address).text("held"));
    }
    bench.owed(2).await;
    bench.deliver("elsewhere");
    bench.sent(1).await;
    assert_eq!((bench.sandbox.counts().sends_refused, bench.sandbox.all_sent().len()), (0, 1));
    told(&bench, bench.sandbox.reactivate_pod(&pod.id)).await;
    for inbox in &inboxes {
        soon(bench.sandbox.wait_for_sent(&inbox.id, 1)).await;
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_suspension_nobody_told_of_is_learnt_from_a_refusal_and_asked_about_again_later() {
    let bench = Bench::start().await;
    let running = on_manual_time(&bench).await;
    bench.sandbox.suspend_inbox(&bench.inbox.id, "manual_review");
    bench.deliver("first");
    refused(&bench, 1).await;
    bench.deliver("second");
    bench.deliver("third");
    bench.owed(3).await;
    bench.advance(Duration::from_secs(10 * 60));
    bench.advance(Duration::from_secs(4 * 60));
    assert_eq!(bench.sandbox.counts().sends_refused, 1, "nothing is tried while the hold stands");
    bench.advance_until(|| bench.sandbox.counts().sends_refused > 1).await;
    bench.owed(3).await;
    bench.sandbox.reactivate_inbox(&bench.inbox.id);
    bench.advance_by_until(Duration::from_secs(60), || bench.sandbox.all_sent().len() == 3).await;
    running.stop().await.unwrap();
    bench.assert_well_spoken();
}

#[tokio::test]
async fn a_paused_account_holds_every_inbox_and_loses_nothing() {
    let bench = Bench::start().await;
    let sales = bench.sandbox.create_inbox("sales");
    let running = on_manual_time(&bench).await;
    bench.sandbox.pause_account(true);
    bench.deliver("first");
    refused(&bench, 1).await;
    bench.sandbox.deliver(openmail_sandbox::Mail::from("bob@example.com").to(&sales.address).text("second"));
    bench.owed(2).await;
    assert_eq!(bench.sandbox.counts().sends_refused, 1, "one refusal speaks for the account");
    bench.sandbox.pause_account(false);
    bench.advance_by_until(Duration::from_secs(60), || bench.sandbox.all_sent().len() == 2).await;
    running.stop().await.unwrap();
    assert_eq!(bench.sandbox.counts().sends_refused, 1);
}

#[tokio::test]
async fn a_handler_is_told_of_suspensions_and_reactivations() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |news: Lifecycle| {
        let about = news.inbox_address.map_or_else(|| "no inbox".to_owned(), |address| address.to_string());
        saw.see(format!("{} {about} {:?}", news.kind, news.reason));
        async {}
    };
    let lifecycle = ["inbox.suspended", "inbox.reactivated", "pod.suspended", "pod.reactivated"]
        .into_iter()
        .fold(Route::new("lifecycle", handler), |route, kind| route.event(kind));
    let (running, _) = bench.start_with_webhook([echo(), lifecycle]).await;
    let (inbox, pod) = (&bench.inbox, bench.sandbox.pods()[0].id.clone());
    told(&bench, bench.sandbox.suspend_inbox(&inbox.id, "high_complaint_rate")).await;
    told(&bench, bench.sandbox.reactivate_inbox(&inbox.id)).await;
    told(&bench, bench.sandbox.suspend_pod(&pod, "pod_degraded")).await;
    told(&bench, bench.sandbox.reactivate_pod(&pod)).await;
    running.stop().await.unwrap();
    let expected = [
        format!("inbox.suspended {} Some(HighComplaintRate)", inbox.address),
        format!("inbox.reactivated {} None", inbox.address),
        "pod.suspended no inbox Some(PodDegraded)".to_owned(),
        "pod.reactivated no inbox None".to_owned(),
    ];
    assert_eq!(seen.all(), expected);
}

#[tokio::test]
async fn a_handler_is_told_of_a_reply_that_will_never_leave() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let failed = Route::new("failed", move |failure: SendFailure| {
        saw.see(format!("{} {:?}", failure.handler, failure.code));
        async {}
    });
    let routes = [echo(), failed.event("reply.failed")];
    let running = bench.start_ready(bench.runtime().handlers(routes)).await;
    bench.sandbox.suppress("ada@example.com", "bounce");
    bench.deliver("never answered");
    assert_eq!(seen.count(1).await, ["agent Some(\"recipient_suppressed\")"]);
    bench.sandbox.deliver(bench.mail("grace@example.com", "answered"));
    assert_eq!(bench.sent(1).await[0].to, "grace@example.com");
    running.stop().await.unwrap();
    assert_eq!((bench.sandbox.counts().sends_refused, seen.all().len()), (1, 1), "tried once, told once");
}

#[tokio::test]
async fn a_handler_whose_reply_is_refused_for_good_gives_up_at_once() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, replies: ReplyContext| {
        saw.mail(&mail);
        async move {
            replies.reply_now("at once").await?;
            Ok::<_, Error>(Reply::text("in the end"))
        }
    };
    let running = bench.run(handler).await;
    bench.sandbox.suppress("ada@example.com", "bounce");
    bench.deliver("never answered");
    let reasons = bench.dead(1).await;
    assert!(reasons[0].contains("refused for good") && reasons[0].contains("suppressed"), "{reasons:?}");
    running.stop().await.unwrap();
    assert_eq!((bench.sandbox.counts().sends_refused, seen.all().len()), (1, 1));
}

#[tokio::test]
async fn a_suspension_whose_end_nobody_told_of_is_asked_about_again() {
    let bench = Bench::start().await;
    let (running, _) = bench.start_with_webhook([echo()]).await;
    told(&bench, bench.sandbox.suspend_inbox(&bench.inbox.id, "abuse")).await;
    running.stop().await.unwrap();
    bench.sandbox.clear_account_webhook();
    bench.sandbox.reactivate_inbox(&bench.inbox.id);
    let running = on_manual_time(&bench).await;
    bench.deliver("held");
    bench.owed(1).await;
    bench.advance_by_until(Duration::from_secs(60), || bench.sandbox.all_sent().len() == 1).await;
    running.stop().await.unwrap();
    let waited = bench.clock.now().duration_since(bench.sandbox.all_sent()[0].sent_at);
    assert!(waited < Duration::from_secs(60 * 60).try_into().unwrap());
}

#[tokio::test]
async fn a_handler_that_fails_over_a_suspension_makes_it_last_no_longer() {
    let bench = Bench::start().await;
    let failing = Route::new("failing", async |_: Lifecycle| Err::<(), _>(Error::msg("nobody can be paged")));
    let (runtime, _) = bench.runtime_with_webhook();
    let runtime = runtime.clock(bench.clock.clone()).handlers([echo(), failing.event("inbox.suspended")]);
    let running = bench.start_ready(runtime).await;
    bench.tell_the_webhook_of(&running);
    let suspended = bench.sandbox.suspend_inbox(&bench.inbox.id, "abuse").unwrap();
    let failed = format!("SELECT event_id FROM events WHERE event_id = '{suspended}' AND attempts > 0");
    bench.rows(&failed, 1).await;
    bench.deliver("held");
    bench.owed(1).await;
    let since = bench.clock.now();
    let asked = || bench.sandbox.counts().sends_refused > 0;
    bench.advance_by_until(Duration::from_secs(60), asked).await;
    let waited = bench.clock.now().duration_since(since);
    assert!(waited < Duration::from_secs(80 * 60).try_into().unwrap(), "{waited:#}");
    running.stop().await.unwrap();
}

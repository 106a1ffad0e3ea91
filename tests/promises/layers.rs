//! Layers call a handler more than once, and make outcomes of their own: what is committed is what one of its calls came to.

use std::convert::Infallible;

use openmail_agent::handler::{
    BoxedHandler, Compose, Context, Error, FromContext, Mail, Memory, Outcome, Reply, ReplyContext,
};
use openmail_agent::router::Route;
use openmail_agent::tower::layer::layer_fn;
use openmail_agent::tower::{Layer, ServiceExt, service_fn};
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, Gate, Seen};

#[derive(Default, Serialize, Deserialize)]
struct Conversation {
    mails: u32,
}

/// Puts a function around a handler.
fn around<F, Fut>(wrap: F) -> impl Layer<BoxedHandler, Service = BoxedHandler>
where
    F: Fn(BoxedHandler, Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, Infallible>> + Send + 'static,
{
    layer_fn(move |handler: BoxedHandler| {
        let wrap = wrap.clone();
        BoxedHandler::new(service_fn(move |context| wrap(handler.clone(), context)))
    })
}

async fn once_more(handler: BoxedHandler, context: Context) -> Result<Outcome, Infallible> {
    let outcome = handler.clone().oneshot(context.clone()).await?;
    if outcome.is_failure() { handler.oneshot(context).await } else { Ok(outcome) }
}

async fn bodies(bench: &Bench, count: usize) -> Vec<String> {
    let mut bodies: Vec<_> = bench.sent(count).await.into_iter().map(|sent| sent.body).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn a_call_begins_without_what_a_failed_one_gave() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, replies: ReplyContext, mut memory: Memory<Conversation>| {
        let call = saw.mail(&mail);
        async move {
            memory.mails += 1;
            replies.reply(format!("draft {call}"))?;
            replies.reply_now(format!("at once {call}")).await?;
            match call {
                1 => Err(Error::msg("not this time")),
                _ => Ok(format!("number {}", memory.mails)),
            }
        }
    };
    let route = Route::new("agent", handler).layer(around(once_more));
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    let first = bench.deliver("one");
    assert_eq!(bodies(&bench, 3).await, ["at once 1", "draft 2", "number 1"]);
    bench.sandbox.deliver(bench.mail("ada@example.com", "two").in_thread(&first.thread_id));
    bench.sent(6).await;
    running.stop().await.unwrap();
    assert_eq!(
        bodies(&bench, 6).await,
        ["at once 1", "at once 3", "draft 2", "draft 3", "number 1", "number 2"]
    );
    assert_eq!(seen.all(), ["one", "one", "two"]);
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_is_a_failure_that_layers_see() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let saw = seen.clone();
    let handler = move |mail: Mail, compose: Compose| {
        let call = saw.mail(&mail);
        let subject = if call == 1 { "" } else { "News" };
        compose.new_thread("team@corp.example".parse().unwrap(), subject, format!("call {call}"));
        async {}
    };
    let route = Route::new("agent", handler).layer(around(once_more));
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.deliver("one");
    assert_eq!(bodies(&bench, 1).await, ["call 2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_calls_at_once_the_one_counts_whose_outcome_is_handed_on() {
    let bench = Bench::start().await;
    let (seen, second_is_done) = (Seen::default(), Gate::closed());
    let saw = seen.clone();
    let handler = move |mail: Mail, replies: ReplyContext, mut memory: Memory<Conversation>| {
        let (call, second_is_done) = (saw.mail(&mail), second_is_done.clone());
        async move {
            memory.mails += 1;
            replies.reply(format!("draft {call}"))?;
            replies.reply_now(format!("at once {call}")).await?;
            match call {
                1 => second_is_done.pass().await,
                _ => second_is_done.open(),
            }
            Ok::<_, Error>(format!("number {} of {call}", memory.mails))
        }
    };
    let first_to_finish = async |handler: BoxedHandler, context: Context| {
        let (one, other) = (handler.clone().oneshot(context.clone()), handler.oneshot(context));
        tokio::pin!(one, other);
        tokio::select! {
            outcome = &mut one => other.await.and(outcome),
            outcome = &mut other => one.await.and(outcome),
        }
    };
    let route = Route::new("agent", handler).layer(around(first_to_finish));
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.deliver("one");
    bench.sent(3).await;
    running.stop().await.unwrap();
    let bodies = bodies(&bench, 3).await;
    assert!(bodies[0].starts_with("at once "), "{bodies:?}");
    assert_eq!(bodies[1..], ["draft 2", "number 1 of 2"]);
    assert_eq!(seen.all().len(), 2);
}

#[tokio::test]
async fn an_outcome_that_a_layer_makes_stands_for_itself() {
    let bench = Bench::start().await;
    let handler = async |mail: Mail, replies: ReplyContext| {
        replies.reply("draft")?;
        match mail.text() {
            "fail" => Err(Error::msg("not this time")),
            _ => Ok("answer"),
        }
    };
    let apologise = async |handler: BoxedHandler, context: Context| {
        let outcome = handler.oneshot(context).await?;
        Ok(if outcome.is_failure() { Outcome::reply(Reply::text("sorry")) } else { outcome })
    };
    let route = Route::new("agent", handler).layer(around(apologise));
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.deliver("fail");
    assert_eq!(bodies(&bench, 1).await, ["sorry"]);
    bench.deliver("succeed");
    bench.sent(3).await;
    running.stop().await.unwrap();
    assert_eq!(bodies(&bench, 3).await, ["answer", "draft", "sorry"]);
}

#[tokio::test]
async fn what_a_layer_gives_is_committed_beside_what_its_handler_gave() {
    let bench = Bench::start().await;
    let handler = async |_: Mail, replies: ReplyContext, mut memory: Memory<Conversation>| {
        memory.mails += 1;
        replies.reply("draft")?;
        replies.reply_now("at once").await?;
        Ok::<_, Error>(format!("number {}", memory.mails))
    };
    let adds = async |handler: BoxedHandler, context: Context| {
        let replies = ReplyContext::from_context(&context).await.unwrap();
        replies.reply_now("received").await.unwrap();
        let outcome = handler.oneshot(context).await?;
        replies.reply("how was it?").unwrap();
        Ok(outcome.map_replies(|_| Reply::text("changed")))
    };
    let route = Route::new("agent", handler).layer(around(adds));
    let running = bench.start_ready(bench.runtime().handlers([route])).await;
    bench.deliver("one");
    bench.sent(5).await;
    running.stop().await.unwrap();
    assert_eq!(bodies(&bench, 5).await, ["at once", "changed", "draft", "how was it?", "received"]);
    let notes = bench.rows("SELECT CAST(value AS TEXT) FROM thread_notes", 1).await;
    assert_eq!(notes, [r#"{"mails":1}"#]);
}

#[tokio::test]
async fn what_a_layer_sends_at_once_is_not_taken_for_what_its_handler_sends() {
    let bench = Bench::start().await;
    let gate = Gate::closed();
    let held = gate.clone();
    let handler = move |replies: ReplyContext| {
        let held = held.clone();
        async move {
            held.pass().await;
            replies.reply_now("from the handler").await.map(drop)
        }
    };
    let layer = around(move |handler, context| {
        let gate = gate.clone();
        async move {
            let layers = ReplyContext::from_context(&context).await.unwrap();
            let meanwhile = async {
                layers.reply_now("from the layer, meanwhile").await.unwrap();
                gate.open();
            };
            let (outcome, ()) = tokio::join!(handler.oneshot(context), meanwhile);
            layers.reply_now("from the layer, afterwards").await.unwrap();
            outcome
        }
    });
    let running =
        bench.start_ready(bench.runtime().handlers([Route::new("agent", handler).layer(layer)])).await;
    bench.deliver("Hello?");
    let expected = ["from the handler", "from the layer, afterwards", "from the layer, meanwhile"];
    assert_eq!(bodies(&bench, 3).await, expected);
    running.stop().await.unwrap();
}

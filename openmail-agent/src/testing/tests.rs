use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::handler::{
    Attachments, Attempt, Compose, Context, Delivery, Error, FromContext, GiveUp, Mail, Memory, Rejection,
    Reply, ReplyContext, Result, RetryAfter, State, Thread, WhenLimited,
};
use crate::limit::Quotas;
use crate::model::{EventKind, Inbox, Lifecycle};
use crate::router::Route;

const ADA: &str = "Ada <ada@example.com>";

fn texts(ran: &Ran) -> Vec<&str> {
    ran.sent().iter().map(|sent| sent.text()).collect()
}

async fn echo(mail: Mail) -> String {
    mail.new_text().into_owned()
}

#[tokio::test]
async fn a_reply_goes_to_the_sender_in_the_thread() {
    let ran = run_one([Route::new("echo", echo)], mail(ADA, "Hello?")).await;
    let reply = ran.reply();
    assert_eq!((reply.text(), reply.to().as_str()), ("Hello?", "ada@example.com"));
    assert!(ran.is_done() && reply.thread_id().is_some() && reply.stopped().is_none());
    assert!(!reply.left_at_once() && reply.cc().is_empty());
}

#[tokio::test]
async fn an_inbox_that_was_only_copied_answers_whom_the_mail_was_written_to() {
    let incoming = mail(ADA, "Can you help him?").written_to("bob@example.org").written_to("cyd@example.org");
    let ran = run_one([Route::new("echo", echo)], incoming).await;
    assert_eq!(ran.reply().to().as_str(), "bob@example.org");
    assert_eq!(ran.reply().cc()[0].as_str(), "cyd@example.org");
}

#[tokio::test]
async fn what_the_runtime_guards_against_is_guarded_against_here() {
    let route = || [Route::new("echo", echo).inbox("support@acme.example")];
    let own = run_one(route(), mail("Support <SUPPORT@acme.example>", "Hello me")).await;
    assert!(matches!(own.outcome(), EventOutcome::Parked { .. }), "{own:?}");
    let spam = mail(ADA, "Buy").with(|message| message.verdict = Some(crate::model::Verdict::Spam));
    assert!(run_one(route(), spam).await.error().is_some_and(|reason| reason.contains("spam")));
    let robot = mail("noreply@example.com", "Built").with(|message| message.auto_replyable = Some(false));
    let ran = run_one(route(), robot).await;
    assert!(ran.reply().stopped().is_some());
    assert!(ran.is_done() && !ran.is_marked_read(), "it waits for a person");
    let elsewhere = run_one(route(), mail(ADA, "Hello").to("sales@acme.example")).await;
    assert!(elsewhere.error().is_some_and(|reason| reason.contains("no handler")));
}

#[tokio::test]
async fn a_failure_says_when_it_is_tried_again() {
    async fn fails(mail: Mail, attempt: Attempt) -> Result<Reply> {
        match mail.subject() {
            "later" => Err(RetryAfter::new(Duration::from_secs(90)).into()),
            "never" => Err(GiveUp::new("no such order").into()),
            _ if attempt.is_last() => Ok(Reply::text("We gave up.")),
            "panic" => panic!("oh no"),
            _ => Err(Error::msg("the model is busy")),
        }
    }
    let run =
        |subject: &str| run_one([Route::new("fails", fails).retries(1)], mail(ADA, "?").subject(subject));
    let later = run("later").await;
    assert_eq!(later.tried_again_in(), Some(Duration::from_secs(90)));
    assert!(matches!(later.again().await.outcome(), EventOutcome::Dead { .. }));
    assert!(
        matches!(run("never").await.outcome(), EventOutcome::Dead { error } if error.contains("no such order"))
    );
    assert!(run("panic").await.error().is_some_and(|error| error.contains("oh no")));
    let busy = run("busy").await;
    assert!(busy.tried_again_in().is_some() && busy.sent().is_empty());
    assert_eq!(busy.again().await.reply().text(), "We gave up.");
    assert_eq!(run("busy").attempt(2).await.reply().text(), "We gave up.");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_runs_out_of_time() {
    async fn hangs(_: Mail) {
        std::future::pending::<()>().await;
    }
    let ran = run_one([Route::new("hangs", hangs).timeout(Duration::from_secs(60))], mail(ADA, "?")).await;
    assert!(ran.error().is_some_and(|error| error.contains("1m")), "{ran:?}");
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Turns(u32);

#[tokio::test]
async fn a_conversation_remembers_and_its_thread_grows() {
    async fn count(_: Mail, thread: Thread, mut turns: Memory<Turns>) -> Result<String> {
        turns.0 += 1;
        if thread.messages().len() == 2 {
            return Err(Error::msg("odd"));
        }
        Ok(format!("turn {} of {} mails", turns.0, thread.messages().len()))
    }
    let route = || [Route::new("count", count)];
    let first = run_one(route(), mail(ADA, "one")).await;
    assert_eq!(first.reply().text(), "turn 1 of 1 mails");
    let second = first.then(mail(ADA, "two")).await;
    assert_eq!(second.reply().text(), "turn 2 of 3 mails");
    assert_eq!(second.memory(), Some(Turns(2)));
    let told = run_one(route(), mail(ADA, "x").after("Hello").answered("Hi")).memory(&Turns(7)).await;
    assert_eq!(told.reply().text(), "turn 8 of 3 mails");
    let failed = run_one(route(), mail(ADA, "x").after("Hello")).memory(&Turns(7)).await;
    assert_eq!(failed.memory(), Some(Turns(7)));
}

#[tokio::test]
async fn steps_and_replies_of_a_first_try_are_not_repeated() {
    async fn slow(_: Mail, ctx: ReplyContext, State(calls): State<Arc<AtomicU32>>) -> Result<Reply> {
        let delivery = ctx.reply_now("I am on it.").await?;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
        let n =
            ctx.step("model", || async { Ok::<_, Error>(calls.fetch_add(1, Ordering::Relaxed) + 1) }).await?;
        if calls.fetch_add(10, Ordering::Relaxed) < 10 {
            return Err(Error::msg("after the step"));
        }
        Ok(Reply::text(format!("the model said {n}")))
    }
    let calls = Arc::<AtomicU32>::default();
    let first = run_one([Route::new("slow", slow)], mail(ADA, "?")).state(Arc::clone(&calls)).await;
    assert!(first.reply().left_at_once() && !first.is_done());
    let second = first.again().await;
    assert_eq!(second.reply().text(), "the model said 1");
    assert_eq!(calls.load(Ordering::Relaxed), 21);
}

#[tokio::test]
async fn a_step_in_a_loop_is_a_step_for_each_time() {
    async fn talk(_: Mail, ctx: ReplyContext, State(calls): State<Arc<AtomicU32>>) -> Result<Reply> {
        let mut words = Vec::new();
        while words.len() < 3 {
            let turn = calls.fetch_add(1, Ordering::Relaxed);
            let said = ctx.step("model", || async {
                if turn == 1 { Err(Error::msg("busy")) } else { Ok(format!("{turn}")) }
            });
            words.extend(said.await.ok());
        }
        if calls.load(Ordering::Relaxed) < 5 {
            return Err(Error::msg("after the steps"));
        }
        Ok(Reply::text(words.join(" ")))
    }
    let calls = Arc::<AtomicU32>::default();
    let first = run_one([Route::new("talk", talk)], mail(ADA, "?")).state(Arc::clone(&calls)).await;
    assert!(!first.is_done());
    assert_eq!(first.again().await.reply().text(), "0 2 3", "as they were, without the one that failed");
}

#[tokio::test]
async fn a_reply_that_comes_after_its_handler_is_refused() {
    type Late = Arc<std::sync::Mutex<Option<ReplyContext>>>;
    async fn hands_on(_: Mail, ctx: ReplyContext, State(late): State<Late>) {
        *late.lock().unwrap() = Some(ctx);
    }
    let late = Late::default();
    run_one([Route::new("hands_on", hands_on)], mail(ADA, "?"))
        .state(Arc::clone(&late))
        .await
        .assert_silent();
    let ctx = late.lock().unwrap().take().unwrap();
    assert_eq!(*ctx.reply("By the way").unwrap_err().kind(), crate::handler::ReplyErrorKind::TooLate);
}

#[tokio::test]
async fn limits_and_refusals_reach_the_handler() {
    async fn now(_: Mail, ctx: ReplyContext) -> Result<()> {
        ctx.when_limited(WhenLimited::Fail).reply_now("At once.").await?;
        Ok(())
    }
    let run = || run_one([Route::new("now", now)], mail(ADA, "?"));
    let limited = run().quotas(Quotas::new(0, 0)).await;
    assert!(limited.sent().is_empty() && limited.error().is_some_and(|error| error.contains("nothing more")));
    let wait = limited.tried_again_in().expect("it is tried again once there is a slot");
    assert!(wait > Duration::from_secs(5), "not after the usual pause: {wait:?}");
    let refused = run().refuse_sends(422, "recipient_suppressed").await;
    assert!(matches!(refused.outcome(), EventOutcome::Dead { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_there_on_another_try_either() {
    async fn looks(lifecycle: Result<Lifecycle, Rejection>) -> Result<()> {
        lifecycle?;
        Ok(())
    }
    let ran = run_one([Route::new("looks", looks)], mail(ADA, "?")).await;
    assert!(matches!(ran.outcome(), EventOutcome::Dead { .. }), "{ran:?}");
}

#[tokio::test]
async fn where_there_is_no_mail_there_is_nothing_to_forward() {
    async fn forwards(_: Lifecycle, compose: Compose) {
        compose.forward("human@corp.example".parse().unwrap(), "See to it.");
    }
    let route = Route::new("forwards", forwards).event("inbox.suspended");
    let ran = run_one([route], Lifecycle::new(EventKind::INBOX_SUSPENDED)).await;
    assert!(ran.error().is_some_and(|error| error.contains("no mail at hand")), "{ran:?}");
    assert!(ran.sent().is_empty());
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_reply_that_was_refused() {
    async fn copes(_: Mail, ctx: ReplyContext) -> Reply {
        let refused = ctx.reply_now("At once.").await.is_err();
        Reply::text(if refused { "refused" } else { "sent" })
    }
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let tell = move |_: crate::model::SendFailure| {
        count.fetch_add(1, Ordering::Relaxed);
        async {}
    };
    let routes = [Route::new("copes", copes), Route::new("tell", tell).event("reply.failed")];
    let first = run_one(routes, mail(ADA, "?")).refuse_sends(422, "recipient_suppressed").await;
    assert_eq!(texts(&first), ["At once.", "refused"]);
    let second = first.then(mail(ADA, "And?")).await;
    assert_eq!(texts(&second), ["At once.", "refused"]);
    assert_eq!(told.load(Ordering::Relaxed), 1, "what comes of the first is handled before the second");
}

#[tokio::test]
async fn news_of_a_failed_reply_comes_with_its_conversation() {
    async fn tell(
        failure: crate::model::SendFailure,
        thread: Option<Thread>,
        event: crate::model::Event,
        State(said): State<Arc<Mutex<String>>>,
    ) {
        let thread = thread.expect("the conversation of the reply");
        assert_eq!(event.thread_id.as_ref(), Some(thread.id()));
        *said.lock().unwrap() = format!("{:?} after {:?}", failure.handler, thread.messages()[0].text);
    }
    let said = Arc::new(Mutex::new(String::new()));
    let answer = async |_: Mail, ctx: ReplyContext| drop(ctx.reply_now("An answer.").await);
    let routes = [Route::new("answer", answer), Route::new("tell", tell).event("reply.failed")];
    let first = run_one(routes, mail(ADA, "Hello")).state(Arc::clone(&said));
    assert!(format!("{first:?}").starts_with("RunOne"));
    first.refuse_sends(422, "recipient_suppressed").await.then(mail(ADA, "And?")).await;
    assert!(said.lock().unwrap().contains("Hello"), "{said:?}");
}

#[tokio::test]
async fn files_are_there_and_nothing_else_is() {
    async fn sizes(files: Attachments, ctx: ReplyContext) -> Result<Reply> {
        let mut sizes = Vec::new();
        for file in files.list() {
            sizes.push(format!("{} {}", files.download(file).await?.len(), files.text(file).await?));
        }
        drop(ctx);
        Ok(Reply::text(sizes.join(", ")))
    }
    let route = || [Route::new("sizes", sizes)];
    let given = run_one(route(), mail(ADA, "See.").attachment("ö a.csv", "text/csv", "tea,38")).await;
    assert_eq!(given.reply().text(), "6 tea,38");
    let gone =
        mail(ADA, "See.").with(|message| message.attachments.push(crate::model::Attachment::named("x.pdf")));
    let gone = run_one(route(), gone).await;
    assert!(gone.error().is_some_and(|error| error.contains("no network")), "{gone:?}");
}

#[tokio::test]
async fn news_of_an_inbox_is_an_event_too() {
    async fn page(news: Lifecycle, inbox: Inbox, compose: Compose) {
        let words = format!("{} {}", inbox.id, news.kind);
        compose.new_thread("ops@example.com".parse().unwrap(), "Suspended", Reply::text(words));
    }
    let route = Route::new("page", page).event("inbox.suspended").inbox("$Support");
    let ran = run_one([route], Lifecycle::new(EventKind::INBOX_SUSPENDED)).await;
    assert_eq!(ran.reply().text(), "inb_1 inbox.suspended");
    assert_eq!(ran.reply().thread_id(), None);
}

#[tokio::test]
async fn a_mail_that_is_handled_in_silence_is_marked_read() {
    async fn quiet(_: Mail) {}
    let ran = run_one([Route::new("quiet", quiet)], mail(ADA, "FYI")).await;
    ran.assert_silent();
    assert!(ran.is_marked_read());
}

#[tokio::test]
async fn a_mail_is_marked_read_that_was_handled_without_an_answer_in_its_thread() {
    async fn pass_on(_: Mail, compose: Compose) {
        compose.forward("ops@example.com".parse().unwrap(), "Please see to it.");
    }
    let ran =
        run_one([Route::new("pass_on", pass_on)], mail(ADA, "Help").attachment("a\n.csv", "text/csv", "x"))
            .await;
    assert!(ran.is_marked_read());
    let forwarded = ran.reply().text().to_owned();
    for line in ["From: ada@example.com\nDate: ", "\nFiles, not sent along: a", "\n\n> Help"] {
        assert!(forwarded.contains(line), "{line:?} is missing in {forwarded:?}");
    }
    // An answer marks it read when it leaves, however long that takes.
    async fn queue(_: Mail, ctx: ReplyContext) -> Result<()> {
        assert_eq!(ctx.reply_now("In a minute.").await?, Delivery::Queued);
        Ok(())
    }
    let ran = run_one([Route::new("queue", queue)], mail(ADA, "Help")).quotas(Quotas::new(0, 0)).await;
    assert!(ran.is_done() && !ran.is_marked_read());
}

#[tokio::test]
#[should_panic(expected = "State<u64>")]
async fn what_would_keep_the_runtime_from_starting_fails_the_test() {
    async fn needy(_: Mail, _: State<u64>) {}
    run_one([Route::new("needy", needy)], mail(ADA, "?")).await;
}

struct OrderNumber(u64);

impl FromContext for OrderNumber {
    async fn from_context(context: &Context) -> std::result::Result<Self, Rejection> {
        let mail = Mail::from_context(context).await?;
        mail.subject().parse().map(Self).map_err(|_| Rejection::absent("no order number in the subject"))
    }
}

#[tokio::test]
async fn an_argument_that_cannot_be_made_is_told() {
    async fn order(number: OrderNumber) -> String {
        format!("order {}", number.0)
    }
    let run = |subject: &str| run_one([Route::new("order", order)], mail(ADA, "?").subject(subject));
    assert_eq!(run("2847").await.reply().text(), "order 2847");
    let rejected = run("my order").await;
    assert!(
        matches!(rejected.outcome(), EventOutcome::Dead { error } if error.contains("no order number")),
        "{rejected:?}"
    );
}

//! The agent that the tests run as a process of its own, to signal it, to kill it and to read its log.
//!
//! Everything is set by the environment. A mail that says `wait` is answered once standard input says something, one that says
//! `fail` never is, and one that says `at length` is answered at once and then again. One that says `slow` takes a while, one that says `block` a thread
//! for blocking work, for ever, and one that says `hog` the thread it runs on. The answers
//! to one that says `signed` tell which process wrote them.

use std::convert::Infallible;
use std::time::Duration;

use openmail_agent::clock::Clock;
use openmail_agent::limit::{LoopLimits, Quotas};
use openmail_agent::prelude::*;
use tracing_subscriber::EnvFilter;

/// What a model takes to find words.
const SLOW: Duration = Duration::from_millis(300);

/// Answers everybody, however often the process is killed over it: a mail during which the process ends again and again is given
/// up otherwise.
#[mail_handler(retries = 1_000_000)]
async fn agent(mail: Mail, replies: ReplyContext) -> Result<Reply> {
    let text = mail.text();
    println!("handling {text}");
    let at_length = text.contains("at length");
    let author = match at_length {
        true => replies.step("author", async || Ok::<_, Infallible>(std::process::id())).await?,
        false => std::process::id(),
    };
    let signature = if text.contains("signed") { format!(" by {author}") } else { String::new() };
    match text {
        "wait" => word_on_standard_input().await?,
        "block" => tokio::task::spawn_blocking(|| std::thread::sleep(Duration::MAX)).await?,
        "hog" => std::thread::sleep(Duration::MAX),
        "fail" => return Err(GiveUp::new("told to").into()),
        _ if at_length => {
            replies.reply_now(format!("at once {text}{signature}")).await?;
        }
        _ => {}
    }
    if text.contains("slow") {
        tokio::time::sleep(SLOW).await;
    }
    Ok(Reply::text(format!("re {text}{signature}")))
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    // Those who write to it write a lot.
    let mut runtime = Runtime::from_env()?.handlers(handlers![agent]).loop_limits(LoopLimits::UNLIMITED);
    if let Ok(daily) = std::env::var("TEST_AGENT_DAILY") {
        runtime = runtime.quotas(Quotas::new(Quotas::default().per_minute, daily.parse()?));
    }
    if let Ok(seconds) = std::env::var("TEST_AGENT_AHEAD") {
        runtime = runtime.clock(Clock::ahead(Duration::from_secs(seconds.parse()?)));
    }
    if let Ok(seconds) = std::env::var("TEST_AGENT_GRACE") {
        runtime = runtime.grace(Duration::from_secs(seconds.parse()?));
    }
    runtime.run().await
}

/// Read on a thread of its own: one of the runtime's would keep the process from ending.
async fn word_on_standard_input() -> Result<()> {
    let (said, heard) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || said.send(std::io::stdin().read_line(&mut String::new())));
    heard.await??;
    Ok(())
}

//! The agent that the tests run as a process of its own, to signal it, to kill it and to read its log.
//!
//! Everything is set by the environment. A mail that says `wait` is answered once standard input says something; one that says
//! `fail` never is.

use openmail_agent::limit::Quotas;
use openmail_agent::prelude::*;
use tracing_subscriber::EnvFilter;

/// Answers everybody.
#[mail_handler]
async fn agent(mail: Mail) -> Result<Reply> {
    println!("handling {}", mail.text());
    match mail.text() {
        "wait" => word_on_standard_input().await?,
        "fail" => return Err(GiveUp::new("told to").into()),
        _ => {}
    }
    Ok(Reply::text(format!("re {}", mail.text())))
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let mut runtime = Runtime::from_env()?.handlers(handlers![agent]);
    if let Ok(quota) = std::env::var("TEST_AGENT_QUOTA") {
        let quota = quota.parse()?;
        runtime = runtime.quotas(Quotas::new(quota, quota));
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

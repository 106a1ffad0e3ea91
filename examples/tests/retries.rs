//! Another try an hour later, tested in less than a second: the service's clock and the agent's are moved by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use openmail_agent::clock::Clock;
use openmail_agent::prelude::*;
use openmail_agent::runtime::{Config, RunningRuntime, StoreLocation};
use openmail_sandbox::Sandbox;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[mail_handler]
async fn support(attempt: Attempt) -> Result<Reply> {
    match attempt.number {
        1 => Err(RetryAfter::new(HOUR).because("the model is busy")),
        number => Ok(Reply::text(format!("This is try {number}."))),
    }
}

async fn start_my_agent(sandbox: &Sandbox, clock: &Clock) -> RunningRuntime {
    let mut config = Config::new(sandbox.api_key());
    config.base_url = sandbox.base_url().to_owned();
    config.store = StoreLocation::Memory;
    Runtime::new(config).clock(clock.clone()).handlers(handlers![support]).start().await.unwrap()
}

#[tokio::test]
async fn a_busy_model_is_asked_again_when_it_said_so() {
    let sandbox = Sandbox::start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let clock = Clock::manual(sandbox.now());
    let _agent = start_my_agent(&sandbox, &clock).await;
    sandbox.wait_for_subscribed(1).await;

    let began = clock.now();
    let letter = sandbox.correspondent("Ada <ada@example.com>").write(&inbox, "Order", "Where is it?");
    let step = Duration::from_secs(60);
    let answer = sandbox.advance_until(step, |now| clock.advance_to(now), letter.answer()).await;
    answer.assert_says("This is try 2.").assert_only_one();
    assert!(clock.now() >= began + HOUR);
    sandbox.assert_well_behaved();
}

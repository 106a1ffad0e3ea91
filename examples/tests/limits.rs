//! The daily limit, tested in milliseconds: the service's clock and the agent's are moved by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use openmail_agent::clock::Clock;
use openmail_agent::limit::Quotas;
use openmail_agent::prelude::*;
use openmail_agent::runtime::{Config, RunningRuntime, StoreLocation};
use openmail_sandbox::Sandbox;

#[mail_handler]
async fn support(mail: Mail) -> Reply {
    Reply::text(format!("You wrote: {}", mail.new_text()))
}

async fn start_my_agent(sandbox: &Sandbox, clock: &Clock) -> RunningRuntime {
    let mut config = Config::new(sandbox.api_key());
    config.base_url = sandbox.base_url().to_owned();
    config.store = StoreLocation::Memory;
    let agent = Runtime::new(config).clock(clock.clone()).quotas(Quotas::new(2, 3));
    agent.handlers(handlers![support]).start().await.unwrap()
}

#[tokio::test]
async fn what_is_over_a_limit_is_answered_as_soon_as_it_may_be() {
    let sandbox = Sandbox::builder().burst(2).daily(3).start().await.unwrap();
    let inbox = sandbox.create_inbox("support");
    let clock = Clock::manual(sandbox.now());
    let _agent = start_my_agent(&sandbox, &clock).await;
    sandbox.wait_for_subscribed(1).await;

    let ada = sandbox.correspondent("Ada <ada@example.com>");
    let mut letters = (1..=4).map(|number| ada.write(&inbox, "Order", &format!("Mail {number}")));
    for _ in 0..2 {
        letters.next().unwrap().answer().await;
    }
    let second = Duration::from_secs(1);
    let third = letters.next().unwrap().answer();
    let third = sandbox.advance_until(second, |now| clock.advance_to(now), third).await;
    third.assert_says("Mail 3");

    sandbox.advance_to_midnight();
    clock.advance_to(sandbox.now());
    let fourth = letters.next().unwrap().answer();
    let fourth = sandbox.advance_until(second, |now| clock.advance_to(now), fourth).await;
    fourth.assert_says("Mail 4");
    sandbox.assert_well_behaved();
}

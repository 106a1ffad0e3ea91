//! The webhook beside routes of your own, in your own axum application and on your own listener.
//!
//! `OPENMAIL_WEBHOOK_ADDR` says where to listen, default `127.0.0.1:3000`. Mail still comes over the WebSocket as long as
//! it is up; the service turns to the webhook when it is not. The two stop together.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use openmail_agent::prelude::*;
use openmail_agent_examples::{SetUp, init_tracing, set_up_with_webhook};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Gives the words back.
#[mail_handler]
async fn echo(mail: Mail) -> Reply {
    Reply::text(format!("You wrote:\n\n{}", mail.new_text()))
}

/// A page of the application's own.
async fn home() -> &'static str {
    "This application also answers mail.\n"
}

#[tokio::main]
async fn main() -> Result<()> {
    init_tracing();
    let addr = std::env::var("OPENMAIL_WEBHOOK_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(addr).await?;

    let SetUp { runtime, sandbox: _sandbox } = set_up_with_webhook("echo", listener.local_addr()?).await?;
    let running = runtime.handlers(handlers![echo]).start().await?;
    let webhook = running.webhook().ok_or_else(|| Error::msg("no webhook is set up"))?;

    let app = Router::new().route("/", get(home)).merge(webhook.router());
    // On a signal both stop, and what is under way in either is finished; so they do where the agent cannot go on.
    let (stop, deadline) = (running.readiness().clone(), running.readiness().clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stop.stopping().await });
    let served = async {
        tokio::select! {
            served = async { server.await } => served,
            // A client that never ends its request does not keep the program from its end.
            () = async { deadline.stopping().await; sleep(Duration::from_secs(30)).await } => Ok(()),
        }
    };
    let (served, stopped) = tokio::join!(served, running.run_until_signal());
    stopped?;
    Ok(served?)
}

use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use openmail_agent::handler::{Error, Result};
use openmail_agent::model::Secret;
use openmail_agent::runtime::{Config, Runtime};
use openmail_sandbox::{Sandbox, StartError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Where the sandbox listens unless `OPENMAIL_SANDBOX_ADDR` says otherwise.
const SANDBOX_ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);
/// Where it takes mail unless `OPENMAIL_SANDBOX_SMTP_ADDR` says otherwise.
const SANDBOX_SMTP_ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2525);

/// A runtime that waits for its handlers, and what it runs against.
#[derive(Debug)]
#[must_use = "the runtime in it does nothing until it is run"]
pub struct SetUp {
    /// Set up against OpenMail or the sandbox.
    pub runtime: Runtime,
    /// The sandbox; `None` where it is the real service. The runtime holds it too, so that it lives as long as its handlers.
    pub sandbox: Option<Arc<Sandbox>>,
}

/// Sets a runtime up by the environment or, without `OPENMAIL_API_KEY`, against a sandbox in this process that has one
/// inbox of this name, and prints how to write to it.
///
/// The sandbox's store is in memory, unless `OPENMAIL_STORE` is set. One that was used with OpenMail is refused at the start.
///
/// # Errors
///
/// When a variable is missing or malformed, or the sandbox cannot listen.
pub async fn set_up(inbox: &str) -> Result<SetUp> {
    prepare(inbox, None).await
}

/// As [`set_up`], for a program that itself listens for webhooks at this address, under `/webhooks`. The sandbox is told so.
///
/// # Errors
///
/// As [`set_up`]; also when there is a key, but no webhook secret beside it.
pub async fn set_up_with_webhook(inbox: &str, addr: SocketAddr) -> Result<SetUp> {
    prepare(inbox, Some(addr)).await
}

/// Logs to standard error what `RUST_LOG` asks for, by default everything from `info` up.
pub fn init_tracing() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let stderr = tracing_subscriber::fmt().compact().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only where a subscriber is in place already, which then serves as well.
    stderr.with_ansi(std::io::stderr().is_terminal()).try_init().ok();
}

async fn prepare(inbox: &str, webhook: Option<SocketAddr>) -> Result<SetUp> {
    if var("OPENMAIL_API_KEY").is_some() {
        let mut config = Config::from_env()?;
        if webhook.is_some() {
            if config.webhook_secrets.is_empty() {
                return Err(Error::msg(
                    "this program takes webhooks: set OPENMAIL_WEBHOOK_SECRET to the secret of yours",
                ));
            }
            // The program listens there itself.
            config.webhook_addr = None;
        }
        return Ok(SetUp { runtime: Runtime::new(config), sandbox: None });
    }
    let http = addr("OPENMAIL_SANDBOX_ADDR", SANDBOX_ADDR)?;
    let smtp = addr("OPENMAIL_SANDBOX_SMTP_ADDR", SANDBOX_SMTP_ADDR)?;
    let sandbox = start_sandbox(http, smtp).await?;
    let mut config = sandbox_config(&sandbox)?;
    if let Some(addr) = webhook {
        let secret = sandbox.set_account_webhook(format!("http://{addr}/webhooks"));
        config.webhook_secrets = vec![Secret::new(&secret)];
    }
    greet(&sandbox, &sandbox.create_inbox(inbox).address);
    let sandbox = Arc::new(sandbox);
    Ok(SetUp { runtime: Runtime::new(config).state(Arc::clone(&sandbox)), sandbox: Some(sandbox) })
}

fn addr(variable: &str, default: SocketAddr) -> Result<SocketAddr> {
    let Some(addr) = var(variable) else { return Ok(default) };
    let problem = || Error::msg(format!("{variable} is not an address with a port, such as {default}"));
    addr.parse().map_err(|_| problem())
}

/// Starts a sandbox where it is expected, or on free ports if somebody else is there.
async fn start_sandbox(mut addr: SocketAddr, mut smtp_addr: SocketAddr) -> Result<Sandbox> {
    loop {
        let taken = match builder().addr(addr).smtp_addr(smtp_addr).start().await {
            Err(StartError::Bind { addr, source }) if source.kind() == ErrorKind::AddrInUse => addr,
            started => return Ok(started?),
        };
        tracing::warn!(%taken, "an address of the sandbox is taken; using a free port instead");
        match taken {
            taken if taken.port() != 0 && taken == addr => addr.set_port(0),
            taken if taken.port() != 0 && taken == smtp_addr => smtp_addr.set_port(0),
            taken => return Err(Error::msg(format!("no port is free at {}", taken.ip()))),
        }
    }
}

fn builder() -> openmail_sandbox::Builder {
    let builder = Sandbox::builder();
    match var("OPENMAIL_SANDBOX_KEY") {
        Some(key) => builder.key(key),
        None => builder,
    }
}

/// The sandbox in place of the service. Of the rest of the environment, only what concerns this machine still holds: an
/// inbox of the real account is none of the sandbox's.
fn sandbox_config(sandbox: &Sandbox) -> Result<Config> {
    let kept = ["OPENMAIL_STORE", "OPENMAIL_ALLOWED_SENDERS"];
    let kept = kept.into_iter().filter_map(|name| Some((name.to_owned(), var(name)?)));
    let store = ("OPENMAIL_STORE".to_owned(), "memory".to_owned());
    let service = [
        ("OPENMAIL_API_KEY".to_owned(), sandbox.api_key().to_owned()),
        ("OPENMAIL_BASE_URL".to_owned(), sandbox.base_url().to_owned()),
    ];
    Ok(Config::from_vars(std::iter::once(store).chain(kept).chain(service))?)
}

/// A variable that says something.
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// To standard output, beside the log.
fn greet(sandbox: &Sandbox, address: &str) {
    let (base_url, smtp_addr) = (sandbox.base_url(), sandbox.smtp_addr());
    println!(
        "\
OPENMAIL_API_KEY is not set, so this is the OpenMail sandbox: all of it in this process, no mail leaves it.

  The agent's inbox is {address}

Write to it and watch it answer, in a browser:

  {base_url}/

With any mail program, over SMTP at {smtp_addr}. Or here:

  curl {base_url}/sandbox/mail -H 'Content-Type: application/json' \\
    -d '{{\"from\": \"Ada <ada@example.com>\", \"to\": \"{address}\", \"subject\": \"Hello\", \"text\": \"How long does shipping take?\"}}'

Read what it answered:

  curl {base_url}/sandbox/sent

With OPENMAIL_API_KEY set, the same program serves your inboxes at OpenMail. Ctrl-C stops it.
"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn taken_addresses_are_stepped_aside_from() {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let first = start_sandbox(free, free).await.unwrap();
        let second = start_sandbox(first.addr(), first.smtp_addr()).await.unwrap();
        assert_ne!(first.addr(), second.addr());
        assert_ne!(first.smtp_addr(), second.smtp_addr());
        assert_eq!(second.addr().ip(), first.addr().ip());
    }
}

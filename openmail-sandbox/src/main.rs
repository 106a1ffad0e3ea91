//! The sandbox as a command: OpenMail on a laptop, until Ctrl-C.

use std::{collections::BTreeSet, error::Error, io::Write, net::SocketAddr, process::ExitCode};

use clap::Parser;
use openmail_sandbox::{Sandbox, StartError};

mod command;

use command::{Command, Interrupts};

/// OpenMail on a laptop: REST, WebSocket and webhooks, in memory.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    arguments: Arguments,
}

#[derive(Debug, clap::Args)]
struct Arguments {
    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "OPENMAIL_SANDBOX_ADDR", default_value = "127.0.0.1:8025", value_parser = address)]
    addr: SocketAddr,

    /// Where to take mail over SMTP; port 0 picks a free one
    #[arg(long, env = "OPENMAIL_SANDBOX_SMTP_ADDR", default_value = "127.0.0.1:2525", value_name = "ADDR", value_parser = address)]
    smtp_addr: SocketAddr,

    /// The account key to accept
    #[arg(long, env = "OPENMAIL_SANDBOX_KEY", default_value = "om_sandbox", value_parser = key)]
    key: String,

    /// An inbox to create, by the name before the @; can be repeated
    #[arg(long = "inbox", value_name = "NAME", default_value = "support", value_parser = mailbox_name)]
    inboxes: Vec<String>,

    /// Sends per inbox in a minute
    #[arg(long, value_name = "SENDS", default_value_t = 10)]
    burst: u32,

    /// Sends per inbox on a UTC day
    #[arg(long, value_name = "SENDS", default_value_t = 200)]
    daily: u32,

    /// An SMTP server that gets what is sent, such as `smtp://127.0.0.1:1025`
    #[arg(long, value_name = "URL", value_parser = relay_url)]
    relay: Option<String>,

    /// Where events go while no WebSocket is subscribed
    #[arg(long, value_name = "URL", value_parser = webhook_url)]
    webhook: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Program { command, arguments } = Program::parse();
    if let Some(command) = command {
        return command.run().await;
    }
    match start(&arguments).await {
        Ok((sandbox, greeting)) => run(sandbox, &greeting).await,
        Err(error) => {
            eprintln!("error: {}", with_sources(&error));
            if let Some(options) = options_behind(&error, &arguments) {
                eprintln!("  it is set by {options}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Where an address that cannot be had comes from.
fn options_behind(error: &StartError, arguments: &Arguments) -> Option<&'static str> {
    match error {
        StartError::Bind { addr, .. } if *addr == arguments.addr => Some("--addr or OPENMAIL_SANDBOX_ADDR"),
        StartError::Bind { .. } => Some("--smtp-addr or OPENMAIL_SANDBOX_SMTP_ADDR"),
        _ => None,
    }
}

async fn start(arguments: &Arguments) -> Result<(Sandbox, String), StartError> {
    let builder = Sandbox::builder().addr(arguments.addr).smtp_addr(arguments.smtp_addr).key(&arguments.key);
    let builder = arguments.relay.iter().fold(builder, |builder, url| builder.relay(url));
    let sandbox = builder.burst(arguments.burst).daily(arguments.daily).start().await?;
    let mut named = BTreeSet::new();
    let names = arguments.inboxes.iter().filter(|name| named.insert(*name));
    let inboxes: Vec<_> = names.map(|name| sandbox.create_inbox(name)).collect();
    let secret = arguments.webhook.as_ref().map(|url| sandbox.set_account_webhook(url));

    let base_url = sandbox.base_url();
    let mut greeting = format!("OpenMail sandbox at {base_url} (open it in a browser)\n\n");
    greeting += &format!("  OPENMAIL_BASE_URL={base_url}\n  OPENMAIL_API_KEY={}\n", sandbox.api_key());
    for inbox in &inboxes {
        greeting += &format!("  OPENMAIL_INBOX_ID={}   # {}\n", inbox.id, inbox.address);
    }
    if let Some(secret) = secret {
        greeting += &format!("  OPENMAIL_WEBHOOK_SECRET={secret}\n");
    }
    if let Some(inbox) = inboxes.first() {
        greeting += &format!("\nWrite to it:\n\n{}\n", injection(base_url, &inbox.address));
        greeting += &format!("\nor with any mail program, over SMTP at {}.\n", sandbox.smtp_addr());
    }
    greeting += &format!("\nRead what was sent:\n\n  curl {base_url}/sandbox/sent\n\nCtrl-C stops it.\n");
    Ok((sandbox, greeting))
}

async fn run(sandbox: Sandbox, greeting: &str) -> ExitCode {
    // Listening before greeting: whoever reads the greeting may interrupt.
    let interrupted = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            eprintln!("error: cannot listen for Ctrl-C: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Nobody reading the greeting is no reason not to run.
    std::io::stdout().write_all(greeting.as_bytes()).ok();
    std::io::stdout().flush().ok();
    interrupted.wait().await;
    sandbox.stop().await;
    ExitCode::SUCCESS
}

fn injection(base_url: &str, address: &str) -> String {
    format!(
        "  curl {base_url}/sandbox/mail -H 'Content-Type: application/json' \\\n    \
         -d '{{\"from\": \"Ada <ada@example.com>\", \"to\": \"{address}\", \
         \"subject\": \"Hello\", \"text\": \"Is anybody there?\"}}'"
    )
}

fn mailbox_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if (3..=30).contains(&name.len()) && name.chars().all(allowed) && ends {
        Ok(name.to_lowercase())
    } else {
        Err("use 3 to 30 letters, digits, dots, dashes or underscores, such as `support`".into())
    }
}

fn key(key: &str) -> Result<String, String> {
    if !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        Err("use printable characters without spaces, such as `om_sandbox`".into())
    }
}

fn address(address: &str) -> Result<SocketAddr, String> {
    address.parse().map_err(|_| "use an IP address and a port, such as `127.0.0.1:8025`".into())
}

fn relay_url(url: &str) -> Result<String, String> {
    match reqwest::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "smtp" | "smtps") && parsed.has_host() => Ok(url.to_owned()),
        _ => Err("use the address of an SMTP server, such as `smtp://127.0.0.1:1025`".into()),
    }
}

fn webhook_url(url: &str) -> Result<String, String> {
    match reqwest::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(url.to_owned()),
        _ => Err("use an http or https address, such as `http://127.0.0.1:3000/webhooks`".into()),
    }
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

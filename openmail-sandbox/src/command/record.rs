//! `openmail-sandbox record`: what comes to an account, in a file.

use std::{io::IsTerminal, path::PathBuf, pin::pin, process::ExitCode, time::Duration};

use http::HeaderValue;
use jiff::Timestamp;
use openmail_sandbox::recording::{Recorder, Words};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    Interrupts,
    failure::Failure,
    fetch,
    rows::Rows,
    socket::{Arrived, Listener},
};

/// So many events wait while the rows of earlier ones are read.
const WAITING: usize = 1024;

/// Records the mail that comes to an account, for `replay`
///
/// Listens over a WebSocket beside the agents, and takes nothing away from them. The key is read from OPENMAIL_API_KEY, and is
/// never written down. Names, addresses, subjects and bodies are made up anew, unless --unscrubbed is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file to write; there must be none of that name yet
    file: PathBuf,

    /// The service, or a sandbox such as http://127.0.0.1:8025
    #[arg(long, env = "OPENMAIL_BASE_URL", default_value = "https://api.openmail.sh", value_name = "URL")]
    base_url: String,

    /// Record this inbox only, by its id; can be repeated
    #[arg(long = "inbox", value_name = "ID")]
    inboxes: Vec<String>,

    /// Record the latest mails that are there already, over REST alone, and end
    #[arg(long, value_name = "MAILS", conflicts_with_all = ["count", "lasts", "despite_webhooks"])]
    past: Option<usize>,

    /// End after so many mails
    #[arg(long, value_name = "MAILS")]
    count: Option<usize>,

    /// End after this long, such as 30m
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    lasts: Option<Duration>,

    /// Record inboxes that have a webhook: while this listens, nothing is posted there
    #[arg(long)]
    despite_webhooks: bool,

    /// Keep names, addresses and words as they are: the file is then as confidential as the mailbox
    #[arg(long)]
    unscrubbed: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let base = fetch::base(&arguments.base_url)?;
    let authorization = authorization(&base)?;
    if arguments.file.exists() {
        return Err(Failure::new(format!(
            "{} is there already: name another file, or remove it",
            arguments.file.display()
        )));
    }
    let rows = Rows::new(&base, authorization.clone())?;
    let inboxes = rows.inboxes().await?;
    let recorder = match arguments.past {
        Some(most) => past(&arguments, &rows, &inboxes, most).await?,
        None => {
            mind_webhooks(&arguments, &inboxes)?;
            let listener = Listener::new(&base, authorization, arguments.inboxes.clone());
            match listen(&arguments, &rows, &inboxes, listener).await? {
                Some(recorder) => recorder,
                None => return Ok(ExitCode::SUCCESS),
            }
        }
    };
    println!("{}", summary(&recorder, &arguments));
    Ok(ExitCode::SUCCESS)
}

/// Writes what is there already.
async fn past(
    arguments: &Arguments,
    rows: &Rows,
    inboxes: &[Value],
    most: usize,
) -> Result<Recorder, Failure> {
    let is_wanted = |inbox: &&Value| {
        arguments.inboxes.is_empty() || arguments.inboxes.iter().any(|id| inbox["id"].as_str() == Some(id))
    };
    let wanted: Vec<_> = inboxes.iter().filter(is_wanted).cloned().collect();
    if wanted.is_empty() {
        return Err(Failure::new("the key lists no such inbox: correct --inbox, or use an account's key"));
    }
    let mails = rows.past(&wanted, most).await?;
    let began = mails.first().map(|mail| mail.at).unwrap_or_default();
    let mut recorder = create(arguments, inboxes)?;
    for mail in mails {
        let after = Duration::try_from(mail.at.duration_since(began)).unwrap_or_default();
        recorder.record(&mail.event, Some(&mail.thread), after).map_err(unwritten)?;
    }
    Ok(recorder)
}

/// While a WebSocket is subscribed, the service posts an inbox's events nowhere: an agent behind a webhook would miss them.
fn mind_webhooks(arguments: &Arguments, inboxes: &[Value]) -> Result<(), Failure> {
    let is_recorded =
        |id: &str| arguments.inboxes.is_empty() || arguments.inboxes.iter().any(|wanted| wanted == id);
    let posted = inboxes.iter().filter(|inbox| inbox["webhookUrl"].is_string());
    let posted: Vec<_> =
        posted.filter_map(|inbox| inbox["id"].as_str()).filter(|id| is_recorded(id)).collect();
    if posted.is_empty() || arguments.despite_webhooks {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} has a webhook, to which nothing would be posted while this listens: record what is there already with --past 100, \
         other inboxes with --inbox, or these all the same with --despite-webhooks",
        posted.join(", ")
    )))
}

/// Writes what comes, until it is enough. None if it was interrupted before it began.
async fn listen(
    arguments: &Arguments,
    rows: &Rows,
    inboxes: &[Value],
    listener: Listener,
) -> Result<Option<Recorder>, Failure> {
    let interrupts =
        Interrupts::listen().map_err(|error| Failure::new("Ctrl-C cannot be listened for").because(error))?;
    let (events, arrived) = mpsc::channel(WAITING);
    let (confirm, mut confirmed) = mpsc::channel(1);
    let mut listening = pin!(listener.run(events, move || confirm.try_send(()).unwrap_or_default()));
    let mut interrupted = pin!(interrupts.wait());
    tokio::select! {
        failed = &mut listening => return failed.map(|never| match never {}),
        _ = confirmed.recv() => {}
        () = &mut interrupted => return Ok(None),
    }
    let mut recorder = create(arguments, inboxes)?;
    println!("{}", greeting(arguments));
    let ended = tokio::select! {
        failed = &mut listening => failed.map(|never| match never {}),
        written = write(&mut recorder, rows, arrived, arguments.count) => written,
        () = over(arguments.lasts) => Ok(()),
        () = &mut interrupted => Ok(()),
    };
    // What was recorded until then is in the file.
    ended.inspect_err(|_| println!("{}", summary(&recorder, arguments)))?;
    Ok(Some(recorder))
}

/// Writes what arrives until there is enough of it.
async fn write(
    recorder: &mut Recorder,
    rows: &Rows,
    mut arrived: mpsc::Receiver<Arrived>,
    count: Option<usize>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let shows = std::io::stderr().is_terminal();
    while count.is_none_or(|count| recorder.mails() < count) {
        let Some((event, at)) = arrived.recv().await else { return Ok(()) };
        let thread = rows.thread_of(&event).await;
        let after = at.saturating_duration_since(began);
        recorder.record(&event, thread.as_ref(), after).map_err(unwritten)?;
        if shows {
            eprint!("{} mail(s) so far\r", recorder.mails());
        }
    }
    Ok(())
}

async fn over(lasts: Option<Duration>) {
    match lasts {
        Some(lasts) => sleep(lasts).await,
        None => std::future::pending().await,
    }
}

fn create(arguments: &Arguments, inboxes: &[Value]) -> Result<Recorder, Failure> {
    let words = if arguments.unscrubbed { Words::Kept } else { Words::Scrubbed };
    let created = Recorder::create(&arguments.file, words, Timestamp::now());
    let mut recorder = created.map_err(|error| {
        Failure::new(format!("{} cannot be written", arguments.file.display())).because(error)
    })?;
    recorder.learn_inboxes(&json!({"data": inboxes}));
    Ok(recorder)
}

fn greeting(arguments: &Arguments) -> String {
    let words = match arguments.unscrubbed {
        true => "as it is: keep the file as you keep the mailbox",
        false => "with names, addresses and words made up anew",
    };
    let (from, file) = (&arguments.base_url, arguments.file.display());
    format!("Recording what comes to {from} into {file}, {words}.\nCtrl-C ends it.")
}

fn summary(recorder: &Recorder, arguments: &Arguments) -> String {
    let (mails, threads, file) = (recorder.mails(), recorder.threads(), arguments.file.display());
    format!("{mails} mail(s) of {threads} conversation(s) are in {file}")
}

fn unwritten(error: openmail_sandbox::recording::RecordingError) -> Failure {
    Failure::new("the recording ends").because(error)
}

/// The key, unless it would travel unencrypted to another machine.
fn authorization(base: &Url) -> Result<HeaderValue, Failure> {
    let key = std::env::var("OPENMAIL_API_KEY").unwrap_or_default();
    if key.trim().is_empty() {
        return Err(Failure::new(
            "OPENMAIL_API_KEY is not set: it is the key to what is recorded; a sandbox's is om_sandbox",
        ));
    }
    let allowed = std::env::var("OPENMAIL_ALLOW_PLAIN_HTTP").is_ok_and(|value| value == "1");
    if base.scheme() == "http" && !fetch::is_local(base) && !allowed {
        return Err(Failure::new(
            "the API key would travel unencrypted: use https://, or set OPENMAIL_ALLOW_PLAIN_HTTP=1",
        ));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
        .map_err(|_| Failure::new("OPENMAIL_API_KEY has characters that no key has"))?;
    value.set_sensitive(true);
    Ok(value)
}

//! `openmail-sandbox record`: what comes to an account, in a file.

use std::{io::IsTerminal, path::PathBuf, pin::pin, process::ExitCode, time::Duration};

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;
use openmail_sandbox::recording::{Recorder, Words};
use reqwest::Url;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    Interrupts,
    failure::Failure,
    fetch,
    socket::{Arrived, Listener},
};

/// So many events wait while the rows of earlier ones are read.
const WAITING: usize = 1024;

/// How often a mail's row is looked for, which can lag its event by some seconds, and how long in between.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(1500);

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

    /// End after so many mails
    #[arg(long, value_name = "MAILS")]
    count: Option<usize>,

    /// End after this long, such as 30m
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    lasts: Option<Duration>,

    /// Keep names, addresses and words as they are: the file is then as confidential as the mailbox
    #[arg(long)]
    unscrubbed: bool,
}

/// Reads what REST knows.
struct Reader {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
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
    let interrupts =
        Interrupts::listen().map_err(|error| Failure::new("Ctrl-C cannot be listened for").because(error))?;
    let reader =
        Reader { http: fetch::client(&base)?, base: base.clone(), authorization: authorization.clone() };
    let inboxes = reader.inboxes().await?;
    let (events, arrived) = mpsc::channel(WAITING);
    let (confirm, mut confirmed) = mpsc::channel(1);
    let listener = Listener::new(&base, authorization, arguments.inboxes.clone());
    let mut listening = pin!(listener.run(events, move || confirm.try_send(()).unwrap_or_default()));
    let mut interrupted = pin!(interrupts.wait());
    tokio::select! {
        failed = &mut listening => return failed.map(|never| match never {}),
        _ = confirmed.recv() => {}
        () = &mut interrupted => return Ok(ExitCode::SUCCESS),
    }
    let mut recorder = create(&arguments)?;
    inboxes.iter().for_each(|page| recorder.learn_inboxes(page));
    println!("{}", greeting(&arguments));
    let ended = tokio::select! {
        failed = &mut listening => failed.map(|never| match never {}),
        written = write(&mut recorder, &reader, arrived, arguments.count) => written,
        () = over(arguments.lasts) => Ok(()),
        () = &mut interrupted => Ok(()),
    };
    let (mails, threads) = (recorder.mails(), recorder.threads());
    println!("{mails} mail(s) of {threads} conversation(s) are in {}", arguments.file.display());
    ended.map(|()| ExitCode::SUCCESS)
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

fn create(arguments: &Arguments) -> Result<Recorder, Failure> {
    let words = if arguments.unscrubbed { Words::Kept } else { Words::Scrubbed };
    Recorder::create(&arguments.file, words, Timestamp::now()).map_err(|error| {
        Failure::new(format!("{} cannot be written", arguments.file.display())).because(error)
    })
}

fn greeting(arguments: &Arguments) -> String {
    let words = match arguments.unscrubbed {
        true => "as it is: keep the file as you keep the mailbox",
        false => "with names, addresses and words made up anew",
    };
    format!(
        "Recording what comes to {} into {}, {words}.\nCtrl-C ends it.",
        arguments.base_url,
        arguments.file.display()
    )
}

async fn over(lasts: Option<Duration>) {
    match lasts {
        Some(lasts) => sleep(lasts).await,
        None => std::future::pending().await,
    }
}

/// Writes what arrives until there is enough of it.
async fn write(
    recorder: &mut Recorder,
    reader: &Reader,
    mut arrived: mpsc::Receiver<Arrived>,
    count: Option<usize>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let shows = std::io::stderr().is_terminal();
    while count.is_none_or(|count| recorder.mails() < count) {
        let Some((event, at)) = arrived.recv().await else { return Ok(()) };
        let thread = reader.thread_of(&event).await;
        let after = at.saturating_duration_since(began);
        recorder
            .record(&event, thread.as_ref(), after)
            .map_err(|error| Failure::new("the recording ends").because(error))?;
        if shows {
            eprint!("\r{} mail(s) so far \r", recorder.mails());
        }
    }
    Ok(())
}

impl Reader {
    /// Every page of the account's inboxes. A key that may not list them is no reason not to record.
    async fn inboxes(&self) -> Result<Vec<Value>, Failure> {
        let mut pages = Vec::new();
        let mut offset = 0;
        loop {
            let mut url = fetch::below(&self.base, &["v1", "inboxes"]);
            url.set_query(Some(&format!("limit=100&offset={offset}")));
            let answer = self.get(url).await.map_err(|error| {
                Failure::new(format!("{} does not answer: check OPENMAIL_BASE_URL", self.base))
                    .because(error.without_url())
            })?;
            let rows = match answer {
                (StatusCode::UNAUTHORIZED, _) => {
                    return Err(Failure::new(
                        "the key is refused: check OPENMAIL_API_KEY, and that it belongs to OPENMAIL_BASE_URL",
                    ));
                }
                (status, page) if status.is_success() => {
                    let rows = page.get("data").or_else(|| page.get("inboxes")).and_then(Value::as_array);
                    let rows = rows.map_or(0, Vec::len);
                    pages.push(page);
                    rows
                }
                _ => return Ok(pages),
            };
            if rows < 100 {
                return Ok(pages);
            }
            offset += rows;
        }
    }

    /// The conversation as REST has it, once the mail is in it.
    async fn thread_of(&self, event: &Value) -> Option<Value> {
        let (thread, message) = (event["thread_id"].as_str()?, event["message"]["id"].as_str()?);
        for look in 0..LOOKS {
            if look > 0 {
                sleep(LOOK_AGAIN).await;
            }
            let url = fetch::below(&self.base, &["v1", "threads", thread, "messages"]);
            let (_, page) = self.get(url).await.ok()?;
            let rows = page.get("data").or_else(|| page.get("messages")).and_then(Value::as_array);
            if rows.is_some_and(|rows| rows.iter().any(|row| row["id"].as_str() == Some(message))) {
                return Some(page);
            }
        }
        None
    }

    async fn get(&self, url: Url) -> Result<(StatusCode, Value), reqwest::Error> {
        fetch::json(self.http.get(url).header(AUTHORIZATION, self.authorization.clone())).await
    }
}

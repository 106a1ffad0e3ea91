//! `openmail-sandbox replay`: a recording, played to an agent.

use std::{
    collections::HashMap, net::SocketAddr, path::PathBuf, pin::pin, process::ExitCode, time::Duration,
};

use openmail_sandbox::{
    Sandbox,
    recording::{RecordedMail, Recording},
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Interrupts,
    control::{Control, Conversation, Landed},
    failure::Failure,
    table::{self, Fate},
};

/// How often the conversations are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// An answer marks its whole conversation as read: another mail in it may still be about to be answered.
const STILL: Duration = Duration::from_secs(5);

/// Plays a recording to an agent, and shows what it answers
///
/// Starts a sandbox with the inboxes of the recording, waits until an agent has subscribed, and delivers the mails at the pace at
/// which they came. What was one conversation is one again.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What `record` has written
    file: PathBuf,

    /// So many times as fast as it was
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,

    /// Everything at once
    #[arg(long, conflicts_with = "speed")]
    fast: bool,

    /// Give an inbox of the recording the address that the agent knows, as in `inbox-1@agents.example.com=support@acme.example`;
    /// can be repeated
    #[arg(long = "inbox", value_name = "OLD=NEW", value_parser = renaming)]
    inboxes: Vec<(String, String)>,

    /// End with status 1 if a mail that is to be answered was not
    #[arg(long)]
    expect_answers: bool,

    /// How long to wait for the next answer before giving up
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = humantime::parse_duration)]
    patience: Duration,

    /// Use a sandbox that runs already, such as http://127.0.0.1:8025
    #[arg(long, value_name = "URL", conflicts_with = "webhook")]
    to: Option<String>,

    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "OPENMAIL_SANDBOX_ADDR", default_value = "127.0.0.1:8025")]
    addr: SocketAddr,

    /// The account key to accept
    #[arg(long, env = "OPENMAIL_SANDBOX_KEY", default_value = "om_sandbox", value_parser = crate::key)]
    key: String,

    /// Where events go while no WebSocket is subscribed
    #[arg(long, value_name = "URL", value_parser = crate::webhook_url)]
    webhook: Option<String>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let interrupts =
        Interrupts::listen().map_err(|error| Failure::new("Ctrl-C cannot be listened for").because(error))?;
    let recording = open(&arguments)?;
    let (own, control) = stage(&arguments).await?;
    let mut replay = Replay { recording: &recording, control, landed: Vec::new() };
    let mut interrupted = pin!(interrupts.wait());
    let played = tokio::select! {
        played = replay.run(&arguments, own.as_ref()) => played,
        () = &mut interrupted => Ok(()),
    };
    let fates = match played {
        Ok(()) => replay.fates().await,
        Err(failure) => Err(failure),
    };
    if let Some(sandbox) = own {
        sandbox.stop().await;
    }
    let fates = fates?;
    let delivered = &recording.mails()[..fates.len()];
    print!("\n{}", table::table(delivered, &fates));
    println!("\n{}", table::summary(recording.threads(), &fates));
    let is_missing =
        |(mail, fate): (&RecordedMail, &Fate)| mail.is_to_be_answered() && !matches!(fate, Fate::Answered(_));
    let missing = fates.len() < recording.mails().len() || delivered.iter().zip(&fates).any(is_missing);
    Ok(if arguments.expect_answers && missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn open(arguments: &Arguments) -> Result<Recording, Failure> {
    let recording = Recording::open(&arguments.file)
        .map_err(|error| Failure::new(arguments.file.display().to_string()).because(error))?;
    let mut renamed = recording;
    for (old, new) in &arguments.inboxes {
        if !renamed.inboxes().iter().any(|inbox| inbox.eq_ignore_ascii_case(old)) {
            let there = renamed.inboxes().join(", ");
            return Err(Failure::new(format!("the recording has no inbox {old}; it has {there}")));
        }
        renamed = renamed.rename_inbox(old, new);
    }
    Ok(renamed)
}

/// A sandbox of its own, unless it is to use another.
async fn stage(arguments: &Arguments) -> Result<(Option<Sandbox>, Control), Failure> {
    if let Some(url) = &arguments.to {
        return Ok((None, Control::new(url)?));
    }
    let started = Sandbox::builder().addr(arguments.addr).key(&arguments.key).start().await;
    let sandbox = started.map_err(|error| Failure::new("the sandbox cannot start").because(error))?;
    let control = Control::new(sandbox.base_url())?;
    Ok((Some(sandbox), control))
}

struct Replay<'a> {
    recording: &'a Recording,
    control: Control,
    /// Where the mails delivered so far are, in the recording's order.
    landed: Vec<Landed>,
}

impl<'a> Replay<'a> {
    async fn run(&mut self, arguments: &Arguments, own: Option<&Sandbox>) -> Result<(), Failure> {
        let mut made = Vec::new();
        for mail in self.recording.mails() {
            if !made.contains(&&mail.inbox) {
                self.control.ensure_inbox(mail).await?;
                made.push(&mail.inbox);
            }
        }
        println!("{}", self.greeting(arguments, own));
        self.control.wait_for_agent().await?;
        println!("An agent listens. Playing {} mail(s).", self.recording.mails().len());
        let speed = if arguments.fast { f64::INFINITY } else { arguments.speed };
        self.deliver(speed).await?;
        println!("All are delivered. Waiting for answers.");
        self.wait(arguments.patience).await
    }

    fn greeting(&self, arguments: &Arguments, own: Option<&Sandbox>) -> String {
        let mut text = String::new();
        if let Some(sandbox) = own {
            text += &format!("OpenMail sandbox at {} (open it in a browser)\n\n", sandbox.base_url());
            text += &format!("  OPENMAIL_BASE_URL={}\n", sandbox.base_url());
            text += &format!("  OPENMAIL_API_KEY={}\n", sandbox.api_key());
            for inbox in sandbox.inboxes() {
                text += &format!("  OPENMAIL_INBOX_ID={}   # {}\n", inbox.id, inbox.address);
            }
            if let Some(url) = &arguments.webhook {
                text += &format!("  OPENMAIL_WEBHOOK_SECRET={}\n", sandbox.set_account_webhook(url));
            }
            text.push('\n');
        }
        text + "Waiting for an agent to subscribe. Ctrl-C ends it."
    }

    /// Delivers each mail when its time has come.
    async fn deliver(&mut self, speed: f64) -> Result<(), Failure> {
        let began = Instant::now();
        let mails = self.recording.mails();
        let first = mails.first().map(RecordedMail::after).unwrap_or_default();
        let mut threads: HashMap<(&str, &str), String> = HashMap::new();
        for mail in mails {
            let due = mail.after().saturating_sub(first).as_secs_f64() / speed;
            sleep_until(began + Duration::try_from_secs_f64(due).unwrap_or(Duration::MAX / 2)).await;
            let place = (mail.inbox.as_str(), mail.thread.as_str());
            let landed = self.control.deliver(mail, threads.get(&place).map(String::as_str)).await?;
            threads.insert(place, landed.thread_id.clone());
            self.landed.push(landed);
        }
        Ok(())
    }

    /// Waits until nothing more is to come, or nothing has come for so long.
    async fn wait(&self, patience: Duration) -> Result<(), Failure> {
        let (mut progress, mut at) = (0, Instant::now());
        loop {
            let fates = self.fates().await?;
            let count = |wanted: fn(&Fate) -> bool| fates.iter().filter(|fate| wanted(fate)).count();
            let answered = count(|fate| matches!(fate, Fate::Answered(_)));
            if answered > progress {
                (progress, at) = (answered, Instant::now());
            }
            let (unanswered, read) =
                (count(|fate| *fate == Fate::Unanswered), count(|fate| *fate == Fate::Read));
            if unanswered == 0 && (read == 0 || at.elapsed() >= STILL.min(patience)) {
                return Ok(());
            }
            if at.elapsed() >= patience {
                println!("Nothing has come for {}.", humantime::format_duration(patience));
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// What has become of the mails delivered so far.
    async fn fates(&self) -> Result<Vec<Fate>, Failure> {
        let mut conversations: HashMap<&str, Conversation> = HashMap::new();
        for Landed { thread_id, .. } in &self.landed {
            if !conversations.contains_key(thread_id.as_str()) {
                conversations.insert(thread_id, self.control.conversation(thread_id).await?);
            }
        }
        let mut answers = HashMap::new();
        for conversation in conversations.values() {
            answers.extend(answered(conversation));
        }
        let mails = self.recording.mails().iter().zip(&self.landed);
        Ok(mails
            .map(|(mail, landed)| match answers.get(landed.message_id.as_str()) {
                Some(after) => Fate::Answered(*after),
                None if !mail.is_to_be_answered() => Fate::LeftAlone,
                None if conversations[landed.thread_id.as_str()].is_read => Fate::Read,
                None => Fate::Unanswered,
            })
            .collect())
    }
}

/// Which mails were answered, and how long each took: an answer is to the first mail before it that has none yet, since agents
/// take the mails of a conversation in their order.
fn answered(conversation: &Conversation) -> HashMap<&str, Duration> {
    let mut waiting = std::collections::VecDeque::new();
    let mut answered = HashMap::new();
    for message in &conversation.messages {
        if !message.is_answer {
            waiting.push_back(message);
        } else if let Some(mail) = waiting.pop_front() {
            let after = Duration::try_from(message.at.duration_since(mail.at)).unwrap_or_default();
            answered.insert(mail.id.as_str(), after);
        }
    }
    answered
}

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(times),
        _ => Err("use a number above 0, such as 10".into()),
    }
}

fn renaming(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once('=').ok_or("use two addresses with = between them")?;
    if !old.contains('@') || !new.contains('@') {
        return Err("use two addresses with = between them".into());
    }
    Ok((old.trim().to_owned(), new.trim().to_owned()))
}

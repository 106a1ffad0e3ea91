use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Playback, RecordedMail, RecordingError, RecordingErrorKind};
use crate::Sandbox;

/// The version of the form, which a change that older programs cannot read raises.
const VERSION: u64 = 1;

/// No line of a recording is longer.
const LINE_AT_MOST: u64 = 64 * 1024 * 1024;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    openmail_recording: u64,
    pub(super) started_at: Option<Timestamp>,
    pub(super) scrubbed: bool,
}

impl Header {
    pub(super) fn new(started_at: Timestamp, scrubbed: bool) -> Self {
        Self { openmail_recording: VERSION, started_at: Some(started_at), scrubbed }
    }
}

/// Mail that came to an agent, to be played back.
///
/// ```no_run
/// use openmail_sandbox::{Sandbox, recording::Recording};
///
/// # async fn start_my_agent(_: &Sandbox) {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let recording = Recording::open("tests/a-busy-monday.jsonl")?;
/// let sandbox = Sandbox::start().await?;
/// recording.create_inboxes(&sandbox)?;
/// start_my_agent(&sandbox).await;
/// sandbox.wait_for_subscribed(1).await;
/// for letter in recording.play(&sandbox)? {
///     letter.answer().await;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    scrubbed: bool,
    mails: Vec<RecordedMail>,
}

impl Recording {
    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// [`File`](RecordingErrorKind::File) when it cannot be read; else as [`read`](Self::read).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(RecordingError::file)?;
        Self::read(BufReader::new(file))
    }

    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// [`NotARecording`](RecordingErrorKind::NotARecording), [`Version`](RecordingErrorKind::Version) and
    /// [`Malformed`](RecordingErrorKind::Malformed), each with its [line](RecordingError::line);
    /// [`File`](RecordingErrorKind::File) when reading fails.
    pub fn read(mut from: impl BufRead) -> Result<Self, RecordingError> {
        let first = line(&mut from).map_err(|error| RecordingError::file(error).at(1))?;
        let header = header(first.as_deref().unwrap_or_default()).map_err(|error| error.at(1))?;
        let mut mails = Vec::new();
        for number in 2.. {
            let line = line(&mut from).map_err(|error| RecordingError::file(error).at(number))?;
            let Some(line) = line else { break };
            if !line.trim().is_empty() {
                mails.push(mail(&line).map_err(|error| error.at(number))?);
            }
        }
        Ok(Self { scrubbed: header.scrubbed, mails })
    }

    /// The mails, in the order they came.
    #[must_use]
    pub fn mails(&self) -> &[RecordedMail] {
        &self.mails
    }

    /// Whether names, addresses and words were made up in place of the real ones.
    #[must_use]
    pub fn is_scrubbed(&self) -> bool {
        self.scrubbed
    }

    /// The addresses of the inboxes it is about, each once, in the order they come first.
    #[must_use]
    pub fn inboxes(&self) -> Vec<&str> {
        let mut inboxes = Vec::new();
        for mail in &self.mails {
            if !inboxes.contains(&mail.inbox.as_str()) {
                inboxes.push(&mail.inbox);
            }
        }
        inboxes
    }

    /// How many conversations there are in it.
    #[must_use]
    pub fn threads(&self) -> usize {
        let threads = self.mails.iter().map(|mail| (&mail.inbox, &mail.thread));
        threads.collect::<std::collections::HashSet<_>>().len()
    }

    /// Gives an inbox another address, such as the one that an agent's handlers name. Mail is played back under it, and written
    /// to it where it was written to the old one.
    #[must_use]
    pub fn rename_inbox(mut self, from: &str, to: &str) -> Self {
        let rename = |address: &mut String| {
            if crate::world::bare(address).eq_ignore_ascii_case(from) {
                to.clone_into(address);
            }
        };
        for mail in &mut self.mails {
            rename(&mut mail.inbox);
            mail.to.iter_mut().chain(&mut mail.cc).for_each(rename);
        }
        self
    }

    /// Makes its inboxes in a sandbox, those that are not there yet, so that an agent finds them when it starts.
    ///
    /// # Errors
    ///
    /// [`Inbox`](RecordingErrorKind::Inbox) when one has an address that no inbox can have.
    pub fn create_inboxes(&self, sandbox: &Sandbox) -> Result<(), RecordingError> {
        for mail in &self.mails {
            let made =
                sandbox.shared().change(|world| world.ensure_inbox(&mail.inbox, mail.external_id.as_deref()));
            made.map_err(|refusal| {
                RecordingError::new(RecordingErrorKind::Inbox(mail.inbox.clone())).because(refusal.message)
            })?;
        }
        Ok(())
    }

    /// Delivers the mails to a sandbox, one each time the iterator is asked, whatever the pace they came at. What belonged to one
    /// conversation does so again.
    ///
    /// # Errors
    ///
    /// As [`create_inboxes`](Self::create_inboxes).
    pub fn play<'a>(&'a self, sandbox: &'a Sandbox) -> Result<Playback<'a>, RecordingError> {
        self.create_inboxes(sandbox)?;
        Ok(Playback::new(sandbox, &self.mails))
    }
}

fn line(from: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(LINE_AT_MOST).read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}

fn header(line: &str) -> Result<Header, RecordingError> {
    #[derive(Deserialize)]
    struct Version {
        openmail_recording: u64,
    }
    let not_one =
        |error| RecordingError::new(RecordingErrorKind::NotARecording).because(without_place(&error));
    let Version { openmail_recording: version } = serde_json::from_str(line).map_err(not_one)?;
    if version != VERSION {
        return Err(RecordingError::new(RecordingErrorKind::Version(version)));
    }
    serde_json::from_str(line).map_err(not_one)
}

fn mail(line: &str) -> Result<RecordedMail, RecordingError> {
    serde_json::from_str(line)
        .map_err(|error| RecordingError::new(RecordingErrorKind::Malformed).because(without_place(&error)))
}

/// What the parser says, with the column only: its line is that of a text that has but one.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what}, at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"openmail_recording":1,"started_at":null,"scrubbed":true}"#;
    const MAIL: &str = r#"{"after_ms":0,"inbox":"inbox-1@agents.example.com","thread":"thread-1","from":"person-1@example.com"}"#;

    fn read(lines: &[&str]) -> Result<Recording, RecordingError> {
        Recording::read(lines.join("\n").as_bytes())
    }

    #[test]
    fn a_bad_file_is_refused_with_the_line_that_is_bad() {
        let newer = r#"{"openmail_recording":2}"#;
        let misspelt = MAIL.replace("thread\"", "thred\"");
        for (lines, line, part) in [
            (vec![], 1, "no recording"),
            (vec!["From: ada@example.com"], 1, "no recording"),
            (vec![MAIL], 1, "no recording"),
            (vec![newer], 1, "newer"),
            (vec![HEADER, MAIL, "", "{"], 4, "no recorded mail"),
            (vec![HEADER, &misspelt], 2, "no recorded mail"),
            (vec![HEADER, MAIL, &MAIL[..60]], 3, "no recorded mail"),
        ] {
            let error = read(&lines).unwrap_err();
            assert_eq!(error.line(), Some(line), "{lines:?}");
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(read(&[HEADER, MAIL, ""]).unwrap().mails().len(), 1);
    }

    #[test]
    fn an_inbox_takes_another_address_wherever_it_stands() {
        let mail = MAIL.replace('}', r#","to":["Us <INBOX-1@agents.example.com>","bob@example.org"]}"#);
        let renamed = read(&[HEADER, &mail]).unwrap();
        let renamed = renamed.rename_inbox("inbox-1@agents.example.com", "support@acme.example");
        assert_eq!(renamed.inboxes(), ["support@acme.example"]);
        assert_eq!(renamed.mails()[0].to, ["support@acme.example", "bob@example.org"]);
    }
}

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{RecordingError, capture, file::Header, scrub::Scrubber};

/// What becomes of addresses, names, subjects, bodies and file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Words {
    /// Others are made up in their place, the same for the same.
    #[default]
    Scrubbed,
    /// They are kept. Such a file is as confidential as the mailbox.
    Kept,
}

/// Writes mail into a file as it comes.
///
/// The file belongs to its owner alone (mode 0600). A mail that comes twice is written once.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    scrubber: Option<Scrubber>,
    inboxes: Vec<capture::OwnInbox>,
    known: HashSet<String>,
    threads: HashSet<String>,
}

impl Recorder {
    /// Begins a recording in a new file.
    ///
    /// # Errors
    ///
    /// [`File`](super::RecordingErrorKind::File) when it is there already or cannot be written.
    pub fn create(
        path: impl AsRef<Path>,
        words: Words,
        started_at: Timestamp,
    ) -> Result<Self, RecordingError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(RecordingError::file)?;
        let scrubber = (words == Words::Scrubbed).then(Scrubber::default);
        let mut recorder =
            Self { file, scrubber, inboxes: Vec::new(), known: HashSet::new(), threads: HashSet::new() };
        let header = Header::new(started_at, words == Words::Scrubbed);
        recorder.write(&header).map_err(RecordingError::file)?;
        Ok(recorder)
    }

    /// Learns of the account's inboxes, as `GET /v1/inboxes` lists them, so that their addresses are told from others.
    pub fn learn_inboxes(&mut self, answer: &Value) {
        for inbox in capture::own_inboxes(answer) {
            if let Some(scrubber) = &mut self.scrubber {
                scrubber.learn_inbox(&inbox.address);
            }
            self.inboxes.push(inbox);
        }
    }

    /// Writes a mail from the event that told of it and, where it was read, the answer of `GET /v1/threads/{id}/messages`, which knows
    /// more. Tells whether it was written: what is no `message.received`, and what was written before, is not.
    ///
    /// # Errors
    ///
    /// [`File`](super::RecordingErrorKind::File) when it cannot be written.
    pub fn record(
        &mut self,
        event: &Value,
        thread: Option<&Value>,
        after: Duration,
    ) -> Result<bool, RecordingError> {
        let Some((id, mail)) = capture::mail(event, thread, &self.inboxes, after) else { return Ok(false) };
        if !self.known.insert(id) {
            return Ok(false);
        }
        self.threads.insert(mail.thread.clone());
        let mail = match &mut self.scrubber {
            Some(scrubber) => scrubber.mail(&mail),
            None => mail,
        };
        self.write(&mail).map_err(RecordingError::file)?;
        Ok(true)
    }

    /// How many mails were written.
    #[must_use]
    pub fn mails(&self) -> usize {
        self.known.len()
    }

    /// How many conversations they belong to.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// A line at a time, so that what was recorded is in the file whenever it ends.
    fn write(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }
}

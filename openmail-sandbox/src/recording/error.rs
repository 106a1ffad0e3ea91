use std::{error::Error, fmt, io};

/// Why a recording cannot be read or written.
#[derive(Debug)]
pub struct RecordingError {
    kind: RecordingErrorKind,
    line: Option<usize>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordingErrorKind {
    /// The file cannot be opened, read or written.
    File,
    /// The first line is no header of a recording.
    NotARecording,
    /// It was written in a form that this version does not know.
    Version(u64),
    /// A line is no mail.
    Malformed,
    /// An inbox of the recording cannot be made in the sandbox.
    Inbox(String),
}

impl RecordingError {
    pub(super) fn new(kind: RecordingErrorKind) -> Self {
        Self { kind, line: None, source: None }
    }

    pub(super) fn file(error: io::Error) -> Self {
        Self { source: Some(error.into()), ..Self::new(RecordingErrorKind::File) }
    }

    pub(super) fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong, to decide by.
    #[must_use]
    pub fn kind(&self) -> &RecordingErrorKind {
        &self.kind
    }

    /// The line it is about, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match &self.kind {
            RecordingErrorKind::File => f.write_str("the recording cannot be read or written"),
            RecordingErrorKind::NotARecording => f.write_str(
                "this is no recording: it begins with no line such as {\"openmail_recording\":1,…}",
            ),
            RecordingErrorKind::Version(version) => write!(
                f,
                "the recording has version {version}, and this program reads version 1: use a newer openmail-sandbox"
            ),
            RecordingErrorKind::Malformed => f.write_str("this is no recorded mail"),
            RecordingErrorKind::Inbox(address) => {
                write!(f, "the inbox {address} cannot be made in the sandbox")
            }
        }
    }
}

impl Error for RecordingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

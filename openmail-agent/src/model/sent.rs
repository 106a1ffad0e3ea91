use super::{MessageId, ThreadId};

/// What the service answered to a send it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentMessage {
    /// The service's name for the mail.
    pub message_id: Option<MessageId>,
    /// The conversation it landed in.
    pub thread_id: Option<ThreadId>,
    /// The `Message-ID` it left under.
    pub provider_message_id: Option<String>,
    /// How far it has come.
    pub status: Option<SendStatus>,
}

impl SentMessage {
    /// A send of which nothing more is known than that the service took it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// How far a send has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendStatus {
    /// It is queued.
    Pending,
    /// It is out.
    Sent,
    /// The provider refused it.
    Failed,
    /// A status this version does not know.
    Other(String),
}

/// The text the service found in a file.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachmentText {
    /// The file.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// How the text was found, such as `pdf` or `ocr`.
    pub extraction_method: Option<String>,
    /// The text. As untrusted as the mail it came with.
    pub text: String,
}

impl AttachmentText {
    /// A text of unknown origin.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { filename: None, content_type: None, extraction_method: None, text: text.into() }
    }
}

/// The text stays out of `Debug`.
impl std::fmt::Debug for AttachmentText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttachmentText")
            .field("content_type", &self.content_type)
            .field("extraction_method", &self.extraction_method)
            .finish_non_exhaustive()
    }
}

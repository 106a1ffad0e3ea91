use std::{fmt, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::Mail;

/// A mail of a recording: a line of its file.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedMail {
    /// When it came, in milliseconds since the recording began.
    pub after_ms: u64,
    /// The address of the inbox it reached.
    pub inbox: String,
    /// That inbox's external id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Tells conversations apart.
    pub thread: String,
    /// Who wrote it, with or without a name.
    pub from: String,
    /// Whom it was written to.
    #[serde(default)]
    pub to: Vec<String>,
    /// Who was copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// The subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text; empty for mail that has only HTML.
    #[serde(default)]
    pub text: String,
    /// The HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// What hung on it, without the bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<RecordedFile>,
    /// What kind of mail the service took it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Whether the service would have it answered by a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_replyable: Option<bool>,
    /// Whether the service took it for harmful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// How likely the service took it to be spam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spam_score: Option<f64>,
}

/// A file of a recorded mail. Its bytes are not recorded.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedFile {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// The text that the service found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A file is played back no larger than this: the service takes no larger ones.
const FILE_AT_MOST: u64 = 25 * 1024 * 1024;

impl RecordedMail {
    /// When it came, since the recording began.
    #[must_use]
    pub fn after(&self) -> Duration {
        Duration::from_millis(self.after_ms)
    }

    /// Whether an agent should answer it: the service takes it neither for harmful nor for one that machines leave alone.
    #[must_use]
    pub fn is_to_be_answered(&self) -> bool {
        let is_harmful = matches!(self.verdict.as_deref(), Some("spam" | "malicious"));
        !is_harmful && self.auto_replyable != Some(false)
    }

    /// The mail as it is delivered again, at its inbox and nowhere else.
    pub(super) fn to_mail(&self, thread_id: Option<&str>) -> Mail {
        let mut mail = Mail::from(&self.from).cc(&self.cc).text(&self.text).deliver_to([&self.inbox]);
        mail.to.clone_from(&self.to);
        mail.subject.clone_from(&self.subject);
        mail.html.clone_from(&self.html);
        mail.thread_id = thread_id.map(str::to_owned);
        mail.class.category.clone_from(&self.category);
        mail.class.auto_replyable = self.auto_replyable;
        mail.class.verdict.clone_from(&self.verdict);
        mail.class.spam_score = self.spam_score;
        self.attachments
            .iter()
            .fold(mail, |mail, file| mail.attachment(&file.filename, &file.content_type, file.stand_in()))
    }
}

impl RecordedFile {
    /// The text that was found in it, or as many bytes as it had.
    fn stand_in(&self) -> Bytes {
        match &self.text {
            Some(text) => Bytes::copy_from_slice(text.as_bytes()),
            None => vec![b'.'; usize::try_from(self.size.min(FILE_AT_MOST)).unwrap_or_default()].into(),
        }
    }
}

/// Addresses, subjects and bodies stay out of `Debug`: a recording need not be scrubbed.
impl fmt::Debug for RecordedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedMail")
            .field("after_ms", &self.after_ms)
            .field("attachments", &self.attachments.len())
            .field("category", &self.category)
            .field("auto_replyable", &self.auto_replyable)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecordedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordedFile({}, {} bytes)", self.content_type, self.size)
    }
}

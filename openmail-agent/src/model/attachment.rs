use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A file that came with a mail: its facts, and the text the service found in it.
///
/// The bytes are fetched on request, by [`Attachments`](crate::handler::Attachments).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attachment {
    /// The name the sender gave it. Hostile until proved otherwise: see [`Attachment::safe_name`].
    pub filename: String,
    /// The media type the sender claimed.
    pub content_type: Option<String>,
    /// Size in bytes, where the service told it.
    pub size: Option<u64>,
    /// Where the service says the bytes are.
    pub url: Option<String>,
    /// The text the service extracted.
    pub parsed_text: Option<String>,
    /// How it was extracted (`pdf`, `ocr`, `office`, `csv`, `text`), or why it was not.
    pub extraction_method: Option<String>,
}

impl Attachment {
    /// An attachment of which only the name is known.
    #[must_use]
    pub fn named(filename: impl Into<String>) -> Self {
        Self {
            filename: filename.into(),
            content_type: None,
            size: None,
            url: None,
            parsed_text: None,
            extraction_method: None,
        }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.filename.len() + self.parsed_text.as_ref().map_or(0, String::len)
    }

    /// The file name made safe to create in a folder of yours: the last path component, without control
    /// characters, leading dots or characters that some file system treats specially, at most 150 bytes long.
    ///
    /// ```
    /// # use openmail_agent::model::Attachment;
    /// assert_eq!(Attachment::named("../../etc/passwd").safe_name(), "passwd");
    /// assert_eq!(Attachment::named("..\\con:fig?.txt").safe_name(), "con_fig_.txt");
    /// assert_eq!(Attachment::named("...").safe_name(), "attachment");
    /// ```
    #[must_use]
    pub fn safe_name(&self) -> String {
        let last = self.filename.rsplit(['/', '\\']).next().unwrap_or_default();
        let mut name: String = last
            .chars()
            .filter(|c| !c.is_control() && !is_bidi_override(*c))
            .map(|c| if matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c })
            .collect();
        name = name.trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned();
        let cut = (0..=name.len().min(150)).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        name.truncate(cut);
        if name.is_empty() { "attachment".to_owned() } else { name }
    }
}

/// Names, words and addresses stay out of `Debug`: the addresses can be signed.
impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment")
            .field("content_type", &self.content_type)
            .field("size", &self.size)
            .field("parsed_text", &self.parsed_text.as_ref().map(String::len))
            .field("extraction_method", &self.extraction_method)
            .finish_non_exhaustive()
    }
}

/// Characters that make `exe.txt` look like `txt.exe`.
fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A file to send, with its bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutgoingAttachment {
    /// The name the recipient sees.
    pub filename: String,
    /// The media type.
    pub content_type: String,
    /// The file itself.
    pub bytes: Bytes,
}

impl OutgoingAttachment {
    /// A file from bytes in memory.
    #[must_use]
    pub fn new(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        Self { filename: filename.into(), content_type: content_type.into(), bytes: bytes.into() }
    }
}

impl std::fmt::Debug for OutgoingAttachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutgoingAttachment({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

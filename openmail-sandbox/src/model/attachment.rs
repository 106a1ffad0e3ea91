use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::extraction::{self, Extraction};

/// A file that hangs on a mail. Two are equal if their names, types and contents are.
#[derive(Clone)]
#[non_exhaustive]
pub struct Attachment {
    /// The name as the sender wrote it; it can be hostile.
    pub filename: String,
    /// The media type.
    pub content_type: String,
    /// The content.
    pub bytes: Bytes,
    /// Its `Content-ID`, without the angle brackets, by which the HTML of its mail shows it.
    pub(crate) content_id: Option<String>,
    /// Filled when somebody first asks, for all copies.
    extraction: Arc<OnceLock<Extraction>>,
}

impl Attachment {
    pub(crate) fn new(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        Self {
            filename: filename.into(),
            content_type: content_type.into(),
            bytes: bytes.into(),
            content_id: None,
            extraction: Arc::default(),
        }
    }

    /// The text in it, as events carry it in `parsedText`: at most 50,000 characters. None if there is none to be
    /// had; [`extraction_method`](Self::extraction_method) then says why.
    ///
    /// Text, HTML, CSV and PDF are read. The service also reads office documents, and the text in pictures.
    #[must_use]
    pub fn parsed_text(&self) -> Option<&str> {
        self.extraction().text.as_deref()
    }

    /// How the text was got: `text`, `csv` or `pdf`; or why there is none: `unsupported`, `pdf_error`, or `skipped_too_large`
    /// beyond 10 MB.
    #[must_use]
    pub fn extraction_method(&self) -> &'static str {
        self.extraction().method
    }

    /// Whether asking for its text costs nothing any more.
    pub(crate) fn is_read(&self) -> bool {
        self.extraction.get().is_some()
    }

    /// Gets its text, so that nobody has to wait for it later.
    pub(crate) fn read(&self) {
        self.extraction();
    }

    fn extraction(&self) -> &Extraction {
        let extract = || extraction::extract(&self.filename, &self.content_type, &self.bytes);
        self.extraction.get_or_init(extract)
    }
}

impl PartialEq for Attachment {
    fn eq(&self, other: &Self) -> bool {
        (&self.filename, &self.content_type, &self.bytes)
            == (&other.filename, &other.content_type, &other.bytes)
    }
}

impl Eq for Attachment {}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("filename", &self.filename)
            .field("content_type", &self.content_type)
            .field("octets", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

use std::path::Path;

use bytes::Bytes;

use crate::model::{Address, Body, OutgoingAttachment};

/// The words of an answer. Whom it goes to and in which thread is not its business: the mail it answers decides that.
///
/// ```
/// # use openmail_agent::handler::Reply;
/// let reply = Reply::text("Your invoice is attached.")
///     .attach("invoice.csv", "text/csv", "number,amount\n2847,42.00\n")
///     .without_quote();
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a reply is sent only when the handler returns it or hands it to its context"]
pub struct Reply {
    body: Body,
    include_quote: bool,
    reply_to: Option<Address>,
    attachments: Vec<OutgoingAttachment>,
}

impl Reply {
    /// Plain text, sent as text whatever angle brackets are in it.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Body::Text(text.into()))
    }

    /// HTML; the service makes the text version.
    pub fn html(html: impl Into<String>) -> Self {
        Self::new(Body::Html(html.into()))
    }

    /// Text and HTML that say the same in different ways.
    pub fn text_and_html(text: impl Into<String>, html: impl Into<String>) -> Self {
        Self::new(Body::Both { text: text.into(), html: html.into() })
    }

    fn new(body: Body) -> Self {
        Self { body, include_quote: true, reply_to: None, attachments: Vec::new() }
    }

    /// Adds a file from memory. All files of a reply may have 25 MB together.
    pub fn attach(
        mut self,
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        self.attachments.push(OutgoingAttachment::new(filename, content_type, bytes));
        self
    }

    /// Adds a file from disk, under its own name, with a media type after its extension.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn attach_file(self, path: impl AsRef<Path>) -> std::io::Result<Self> {
        let path = path.as_ref();
        let bytes = tokio::fs::read(path).await?;
        let name = path.file_name().map_or_else(|| "attachment".into(), |name| name.to_string_lossy());
        Ok(self.attach(name, media_type(path), bytes))
    }

    /// Leaves out the quoted copy of the mail it answers, which the service appends otherwise.
    pub fn without_quote(mut self) -> Self {
        self.include_quote = false;
        self
    }

    /// Where answers to this reply should go, if not to the inbox.
    pub fn reply_to(mut self, address: Address) -> Self {
        self.reply_to = Some(address);
        self
    }

    /// The words.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The files.
    #[must_use]
    pub fn attachments(&self) -> &[OutgoingAttachment] {
        &self.attachments
    }

    pub(super) fn into_parts(self) -> (Body, bool, Option<Address>, Vec<OutgoingAttachment>) {
        (self.body, self.include_quote, self.reply_to, self.attachments)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// The media types that agents attach most; anything else travels as bytes.
fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "ics" => "text/calendar",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "md" | "txt" => "text/plain",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

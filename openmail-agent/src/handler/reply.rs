use std::borrow::Cow;
use std::path::Path;

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use crate::api;
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
    /// When the file cannot be read, is none (but a folder, a pipe), or is larger than a reply may be: then no more of it is read
    /// than it takes to see that.
    pub async fn attach_file(self, path: impl AsRef<Path>) -> std::io::Result<Self> {
        let path = path.as_ref();
        let bytes = read_file(path, api::FILES_MOST).await?;
        let name = path.file_name().map_or_else(|| "attachment".into(), |name| name.to_string_lossy());
        Ok(self.attach(name, media_type(path), bytes))
    }

    /// Leaves out the quoted copy of the mail it answers, which the service appends otherwise, unless the answer goes to others than
    /// the mail's sender.
    pub fn without_quote(mut self) -> Self {
        self.include_quote = false;
        self
    }

    /// Where answers to this reply should go, if not to the inbox.
    ///
    /// On the service's free plan that must be an inbox of the account: it refuses the whole reply otherwise, which is then
    /// not sent at all.
    pub fn reply_to(mut self, address: Address) -> Self {
        self.reply_to = Some(address);
        self
    }

    /// The same with other words, such as those of a layer that signs what its handler says.
    pub fn map_body(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        self.body = change(self.body);
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

/// As [`Mail::new_text`](super::Mail::new_text) is.
impl From<Cow<'_, str>> for Reply {
    fn from(text: Cow<'_, str>) -> Self {
        Self::text(text)
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

/// Reads a file that is no larger than this, and nothing that never ends.
async fn read_file(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let refused = |why: String| std::io::Error::new(std::io::ErrorKind::InvalidInput, why);
    let (most, megabytes) = (most as u64, most / (1024 * 1024));
    let too_large = || refused(format!("the file is larger than the {megabytes} MB that a mail may carry"));
    let metadata = tokio::fs::metadata(path).await?;
    if !metadata.is_file() {
        return Err(refused("only a file can be attached, and this is none".to_owned()));
    }
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    tokio::fs::File::open(path).await?.take(most + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// The media types that agents attach most; anything else travels as bytes.
fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match &*extension.to_ascii_lowercase() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_keeps_the_rest_when_its_words_are_changed() {
        let sign = |body| match body {
            Body::Text(text) => Body::Text(format!("{text}\n-- \nAn agent")),
            other => other,
        };
        let reply = Reply::text("Hello.").attach("a.txt", "text/plain", "x").without_quote();
        let (body, quotes, _, files) = reply.map_body(sign).into_parts();
        assert_eq!((body, quotes, files.len()), (Body::Text("Hello.\n-- \nAn agent".into()), false, 1));
    }

    #[test]
    fn a_media_type_goes_by_the_extension_however_it_is_written() {
        assert_eq!(media_type(Path::new("REPORT.PDF")), "application/pdf");
        assert_eq!(media_type(Path::new("report")), "application/octet-stream");
    }

    #[tokio::test]
    async fn a_file_that_no_mail_can_carry_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        std::fs::File::create(&path).unwrap().set_len(26 << 20).unwrap();
        let error = Reply::text("See.").attach_file(&path).await.unwrap_err();
        assert!(error.to_string().contains("25 MB"), "{error}");
        let error = Reply::text("See.").attach_file(folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("only a file"), "{error}");
        std::fs::write(&path, "a line").unwrap();
        let reply = Reply::text("See.").attach_file(&path).await.unwrap();
        assert_eq!(reply.attachments()[0].filename, "log.txt");
    }
}

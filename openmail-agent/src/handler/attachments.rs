use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::api;
use crate::model::{Attachment, MessageId};

use super::{Context, FromContext, Needs, PayloadKind, Rejection};

/// The files that came with the mail.
///
/// ```
/// # use openmail_agent::handler::{Attachments, Result};
/// async fn totals(files: Attachments) -> Result<String> {
///     let mut total = 0;
///     for file in files.list() {
///         total += files.download(file).await?.len();
///     }
///     Ok(format!("{total} bytes in {} files", files.list().len()))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Attachments {
    message_id: MessageId,
    list: Vec<Attachment>,
    client: api::Client,
}

impl Attachments {
    /// What came with the mail.
    #[must_use]
    pub fn list(&self) -> &[Attachment] {
        &self.list
    }

    /// The bytes of a file, 25 MB at most.
    ///
    /// # Errors
    ///
    /// As [`api::Client`] says; [`TooLarge`](api::ErrorKind::TooLarge) past 25 MB.
    pub async fn download(&self, file: &Attachment) -> Result<Bytes, api::Error> {
        self.client.attachment(&self.message_id, &file.filename).await?.bytes().await
    }

    /// Writes a file into a folder of yours, under its [safe name](Attachment::safe_name), in place of nothing: a name
    /// that is taken is an error.
    ///
    /// # Errors
    ///
    /// When it cannot be fetched, or not be written.
    pub async fn save(&self, file: &Attachment, folder: impl AsRef<Path>) -> super::Result<PathBuf> {
        let bytes = self.download(file).await?;
        let path = folder.as_ref().join(file.safe_name());
        let mut out = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
        tokio::io::AsyncWriteExt::write_all(&mut out, &bytes).await?;
        tokio::io::AsyncWriteExt::flush(&mut out).await?;
        Ok(path)
    }

    /// The text that is in a file: what came with the event, or else what the service extracts now.
    ///
    /// # Errors
    ///
    /// As [`api::Client`] says.
    pub async fn text(&self, file: &Attachment) -> Result<String, api::Error> {
        match &file.parsed_text {
            Some(text) => Ok(text.clone()),
            None => Ok(self.client.attachment_text(&self.message_id, &file.filename).await?.text),
        }
    }
}

impl FromContext for Attachments {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        let mail = context.mail().ok_or_else(|| Rejection::absent("the event is not a mail"))?;
        Ok(Self {
            message_id: mail.id().clone(),
            list: mail.attachments().to_vec(),
            client: context.services().client.clone(),
        })
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Mail);
    }
}

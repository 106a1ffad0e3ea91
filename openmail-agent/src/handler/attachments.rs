use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
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
#[derive(Clone)]
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
    /// The service knows the files of a mail by their names alone: of two with one name, as mail programs give to pictures, it hands out
    /// the same one for both.
    ///
    /// # Errors
    ///
    /// As [`api::Client`] says; [`TooLarge`](api::ErrorKind::TooLarge) past 25 MB.
    pub async fn download(&self, file: &Attachment) -> Result<Bytes, api::Error> {
        self.client.attachment(&self.message_id, &file.filename).await?.bytes().await
    }

    /// Writes a file into a folder of yours, under its [safe name](Attachment::safe_name), and tells where it is.
    ///
    /// Nothing is overwritten: where the name is taken, by a file of the same name or by an earlier try, a number is put
    /// behind it, as in `invoice-2.pdf`. Where that would leave too much behind, give each try a folder of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be fetched, or not be written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the file may be written all the same, and is whole then.
    pub async fn save(&self, file: &Attachment, folder: impl AsRef<Path>) -> super::Result<PathBuf> {
        let bytes = self.download(file).await?;
        let (folder, name) = (folder.as_ref().to_owned(), file.safe_name());
        Ok(tokio::task::spawn_blocking(move || write_new(&folder, &name, &bytes)).await??)
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

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachments")
            .field("message_id", &self.message_id)
            .field("files", &self.list.len())
            .finish_non_exhaustive()
    }
}

/// The most files of one name in a folder: more are a loop rather than a wish.
const SAME_NAME: u32 = 1_000;

/// Writes a file under this name, or under the first one after it that is free.
fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let (stem, extension) = name.rsplit_once('.').map_or((name, None), |(stem, end)| (stem, Some(end)));
    let mut path = folder.join(name);
    for number in 2..=SAME_NAME {
        match File::create_new(&path) {
            Ok(mut file) => {
                return match file.write_all(bytes) {
                    Ok(()) => Ok(path),
                    Err(error) => {
                        // Half a file is worse than none.
                        let _ = fs::remove_file(&path);
                        Err(error)
                    }
                };
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        path = folder.join(match extension {
            Some(extension) => format!("{stem}-{number}.{extension}"),
            None => format!("{stem}-{number}"),
        });
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("too many files are called {name}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_how_many_files_there_are_and_not_which() {
        let client = api::Client::builder(crate::model::Secret::new("om_1")).build().unwrap();
        let list = vec![Attachment::named("divorce.pdf")];
        let shown = format!("{:?}", Attachments { message_id: "msg_1".into(), list, client });
        assert!(
            shown.contains("msg_1") && shown.contains("files: 1") && !shown.contains("divorce"),
            "{shown}"
        );
    }

    #[test]
    fn a_file_takes_the_first_name_that_is_free_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (name, expected) in [
            ("a.tar.gz", "a.tar.gz"),
            ("a.tar.gz", "a.tar-2.gz"),
            ("a.tar.gz", "a.tar-3.gz"),
            ("notes", "notes"),
            ("notes", "notes-2"),
        ] {
            let path = write_new(folder.path(), name, expected.as_bytes()).unwrap();
            assert_eq!(path, folder.path().join(expected));
        }
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            assert_eq!(fs::read_to_string(file.path()).unwrap(), file.file_name().to_str().unwrap());
        }
        assert!(write_new(&folder.path().join("missing"), "notes", b"").is_err());
    }
}

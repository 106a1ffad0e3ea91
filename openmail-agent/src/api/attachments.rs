use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryFutureExt;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Response, Url};

use super::call::successful;
use super::error::from_transport;
use super::{Client, Error, ErrorKind, Result, path};
use crate::model::{AttachmentText, MessageId};
use crate::wire::row;

/// The most a file may have unless told otherwise.
const CAP: u64 = 25 * 1024 * 1024;

/// The most redirects that are followed.
const HOPS: usize = 3;

impl Client {
    /// Begins to download a file that came with a mail.
    ///
    /// The service leads to a signed address on another host: followed, without the key, up to three times.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such file,
    /// [`Redirect`](ErrorKind::Redirect) when it leads too far, or from `https` to anything else; else as every call.
    pub async fn attachment(&self, message: &MessageId, filename: &str) -> Result<Download> {
        let url = path::resource(&self.inner().base, &["attachments", message.as_str(), filename])?;
        self.download(url).await
    }

    /// Begins to download a file from the address an event or a row names for it.
    ///
    /// The key goes along only to the API's own scheme, host and port.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when it is no `http` or `https` address, or would leave `https`;
    /// else as [`attachment`](Client::attachment).
    pub async fn attachment_at(&self, url: &str) -> Result<Download> {
        let url = Url::parse(url).map_err(|error| {
            Error::local(ErrorKind::InvalidRequest, "the attachment's address is not a URL").because(error)
        })?;
        if !self.may_visit(&url) {
            let message = "the attachment's address must be `https`";
            return Err(Error::local(ErrorKind::InvalidRequest, message));
        }
        self.download(url).await
    }

    /// The text the service finds in a file.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such file,
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) with status 422 when there is no text in it; else as every call.
    pub async fn attachment_text(&self, message: &MessageId, filename: &str) -> Result<AttachmentText> {
        let call = self.get(&["attachments", message.as_str(), filename, "text"])?;
        call.answer(row::attachment_text).await
    }

    async fn download(&self, mut url: Url) -> Result<Download> {
        let inner = self.inner();
        let mut at_home = true;
        for _ in 0..=HOPS {
            // Once away, away for good: a stranger must not be able to send us back home with the key in hand.
            at_home = at_home && same_origin(&inner.base, &url);
            let mut request = inner.http.get(url.clone());
            if at_home {
                inner.budget.spend().await;
                request = request.header(AUTHORIZATION, inner.authorization.clone());
            }
            let response = in_time(inner.timeout, inner.send(request)).await?;
            match redirect(&url, &response) {
                None => return Ok(Download::new(successful(response, inner.timeout).await?, inner.timeout)),
                Some(next) if self.may_visit(&next) => url = next,
                Some(_) => {
                    return Err(Error::local(ErrorKind::Redirect, "to an address that is not `https`"));
                }
            }
        }
        Err(Error::local(ErrorKind::Redirect, "more than three times"))
    }

    fn may_visit(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.inner().base.scheme() == "http",
            _ => false,
        }
    }
}

fn same_origin(base: &Url, url: &Url) -> bool {
    base.origin() == url.origin()
}

/// Where the response leads, if it does.
fn redirect(from: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::local(ErrorKind::Timeout, "the download stalled")),
    }
}

/// A file under way, chunk by chunk.
pub struct Download {
    response: Response,
    stall: Duration,
    cap: u64,
    read: u64,
}

impl Download {
    fn new(response: Response, stall: Duration) -> Self {
        Self { response, stall, cap: CAP, read: 0 }
    }

    /// Allows another size than 25 MB.
    #[must_use]
    pub fn with_cap(mut self, bytes: u64) -> Self {
        self.cap = bytes;
        self
    }

    /// The media type, as whoever keeps the file claims it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// The size in bytes, where it was announced.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](ErrorKind::TooLarge) as soon as the cap is passed, or the announced size is above it;
    /// [`Timeout`](ErrorKind::Timeout) when nothing comes for as long as a call may take;
    /// [`Interrupted`](ErrorKind::Interrupted) when the connection breaks.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.size().is_some_and(|size| size > self.cap) {
            return Err(self.too_large());
        }
        let chunk = self.response.chunk().map_err(from_transport);
        let Some(chunk) = in_time(self.stall, chunk).await? else { return Ok(None) };
        self.read += chunk.len() as u64;
        if self.read > self.cap { Err(self.too_large()) } else { Ok(Some(chunk)) }
    }

    /// The whole file, in memory.
    ///
    /// # Errors
    ///
    /// As [`next_chunk`](Download::next_chunk).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut file = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await? {
            file.extend_from_slice(&chunk);
        }
        Ok(file.freeze())
    }

    fn too_large(&self) -> Error {
        Error::local(ErrorKind::TooLarge, format!("the file exceeds {} bytes", self.cap))
    }
}

/// The address stays out of `Debug`: it can be signed.
impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("read", &self.read).field("cap", &self.cap).finish_non_exhaustive()
    }
}

mod check;
mod form;
mod html;

use std::time::Duration;

use super::call::Call;
use super::{Client, Result};
use crate::model::{Draft, IdempotencyKey, InboxId, SentMessage};
use crate::wire::row;
pub(crate) use check::{BODY_MOST, FILES_MOST, SUBJECT_MOST, draft as check_draft};
use form::Fields;

impl Client {
    /// Sends a mail, once: the same key with the same draft answers the first answer and sends nothing again.
    ///
    /// Text goes as text, whatever angle brackets are in it; HTML goes as HTML.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](super::ErrorKind::InvalidRequest) without a status when the draft breaks the contract: nothing left.
    /// After [`Timeout`](super::ErrorKind::Timeout), [`Interrupted`](super::ErrorKind::Interrupted) and
    /// [`Server`](super::ErrorKind::Server) the mail may be out: try again with the same key, as its [`retry`](super::Error::retry) says.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have sent the mail: try again with the same key.
    pub async fn send(&self, inbox: &InboxId, draft: &Draft, key: &IdempotencyKey) -> Result<SentMessage> {
        self.sending(inbox, draft, key)?.answer(row::sent).await
    }

    /// As [`send`](Self::send), unless it must not leave any more once its turn has come; then nothing left. What the way to the service takes
    /// is not seen.
    pub(crate) async fn send_unless(
        &self,
        inbox: &InboxId,
        draft: &Draft,
        key: &IdempotencyKey,
        is_too_late: impl Fn() -> bool + Send,
    ) -> Result<Option<SentMessage>> {
        let call = self.sending(inbox, draft, key)?;
        call.turn().await;
        if is_too_late() {
            return Ok(None);
        }
        call.answer_now(row::sent).await.map(Some)
    }

    fn sending(&self, inbox: &InboxId, draft: &Draft, key: &IdempotencyKey) -> Result<Call> {
        check::draft(draft)?;
        check::key(key)?;
        let fields = Fields::of(draft);
        let call = self
            .post(&["inboxes", inbox.as_str(), "send"])?
            .header("idempotency-key", key.as_str())
            .timeout(self.inner().timeout + transfer_time(draft));
        Ok(match draft.attachments.as_slice() {
            [] => call.json(&fields),
            files => call.multipart(form::multipart(&fields, files)),
        })
    }
}

/// What a slow uplink (256 kB a second) needs for the files.
fn transfer_time(draft: &Draft) -> Duration {
    let bytes: usize = draft.attachments.iter().map(|file| file.bytes.len()).sum();
    Duration::from_secs(bytes as u64 / (256 * 1024))
}

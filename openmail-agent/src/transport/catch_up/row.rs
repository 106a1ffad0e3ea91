use std::time::Duration;

use jiff::SignedDuration;

use crate::api::{self, Client};
use crate::model::{InboxId, Message};

use super::listing::Listing;
use super::spacing::Spacing;
use super::watermark::OVERLAP;

/// Looks for the row of one mail in its inbox's list, in small pieces from the newest end: for mail whose conversation is too much to be
/// read. `None` where it is not among the newest 200, or too large by itself.
///
/// # Errors
///
/// As [`Client::messages`].
pub(crate) async fn find_row(
    client: &Client,
    inbox: &InboxId,
    mail: &Message,
) -> api::Result<Option<Message>> {
    // They are few, and the client keeps its own count.
    let spacing = Spacing::every(Duration::ZERO);
    let overlap = SignedDuration::try_from(OVERLAP).unwrap_or(SignedDuration::ZERO);
    let floor = mail.at.and_then(|at| at.checked_sub(overlap).ok());
    Listing::of_few(client, &spacing, inbox).find(floor, |row| row.id == mail.id).await
}

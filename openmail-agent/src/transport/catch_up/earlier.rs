use crate::model::{Direction, Inbox, Message};
use crate::store;
use crate::transport::Intake;

use super::round::received;
use super::watermark::Watermark;

/// Feeds in the mails of a conversation that came before `mail` and that no round has seen, and tells whether there are earlier
/// mails at all: one that is known may still wait.
///
/// A service that replays the newest of what was missed brings the end of a conversation before its beginning, as does any
/// event that was overtaken. Whoever is about to handle `mail` reads the conversation anyway, so the gap is closed on the spot
/// instead of by the next round. In an inbox that no round has read yet nothing is known to be news.
///
/// # Errors
///
/// As [`Intake::take`]; nothing was fed in then.
pub(crate) async fn feed_earlier(
    intake: &Intake,
    inbox: &Inbox,
    conversation: &[Message],
    mail: &Message,
) -> store::Result<bool> {
    let is_earlier = |row: &&Message| row.direction == Direction::Inbound && row.at < mail.at;
    if !conversation.iter().any(|row| is_earlier(&row)) {
        return Ok(false);
    }
    let mark = intake.store().bookmark(&Watermark::bookmark_name(&inbox.id)).await?;
    if let Some(mark) = mark.as_deref().and_then(Watermark::parse) {
        let news = conversation.iter().filter(is_earlier).filter(|row| mark.is_news(row));
        let news: Vec<_> = news.map(|row| received(inbox, row.clone())).collect();
        if !news.is_empty() {
            intake.take(news, None).await?;
        }
    }
    Ok(true)
}

use std::borrow::Cow;

use crate::model::Message;

use super::{from_html, new_text};

/// All the text of a mail, quoted history included: its text body, or its HTML read as text where it has no other.
#[must_use]
pub fn readable(message: &Message) -> Cow<'_, str> {
    let text = message.text.as_deref().filter(|text| !text.trim().is_empty());
    match (text, &message.html) {
        (Some(text), _) => Cow::Borrowed(text),
        (None, Some(html)) => Cow::Owned(from_html(html)),
        (None, None) => Cow::Borrowed(""),
    }
}

/// The part of a mail that its sender wrote now, without quoted history and signature: see [`new_text`].
///
/// A forwarded mail is given whole: there, what looks like history is what the sender wants to be read.
#[must_use]
pub fn written_now(message: &Message) -> Cow<'_, str> {
    let text = readable(message);
    if message.subject.as_deref().is_some_and(is_forward) {
        return text;
    }
    match text {
        Cow::Borrowed(text) => new_text(text),
        Cow::Owned(text) => Cow::Owned(new_text(&text).into_owned()),
    }
}

/// The prefixes of mail programs in English, German, French, Spanish and Italian.
fn is_forward(subject: &str) -> bool {
    let prefix = subject.trim_start().split(':').next().unwrap_or_default();
    prefix.len() < subject.len()
        && ["fw", "fwd", "wg", "tr", "rv", "i"].iter().any(|known| prefix.eq_ignore_ascii_case(known))
}

use std::borrow::Cow;

/// Text without the one character that no text in Postgres may have.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

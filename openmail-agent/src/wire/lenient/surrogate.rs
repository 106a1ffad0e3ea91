use std::borrow::Cow;

use crate::wire::DecodeError;

/// Reads JSON with `decode`; where that fails, once more with half characters and bytes that are not UTF-8 replaced.
///
/// A service that counts in UTF-16 and cuts a text short can cut an emoji in two (`\ud83d` alone): no reason to lose the
/// mail around it.
pub(in crate::wire) fn read<T>(
    body: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    decode(body).or_else(|error| match mend(body) {
        Some(mended) => decode(&mended),
        None => Err(error),
    })
}

/// The text with every lone surrogate escape and every stray byte replaced; `None` when there is none.
fn mend(body: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    let mut changed = matches!(text, Cow::Owned(_));
    let mut mended = text.into_owned().into_bytes();
    let mut at = 0;
    while at < mended.len() {
        if mended[at] != b'\\' {
            at += 1;
            continue;
        }
        match (unit(&mended[at..]), mended.get(at + 6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended[at + 2..at + 6].copy_from_slice(b"fffd");
                changed = true;
                at += 6;
            }
            (Some(_), _) => at += 6,
            // Another escape: its second character is no backslash of its own.
            (None, _) => at += 2,
        }
    }
    changed.then_some(mended)
}

/// The UTF-16 unit of a `\uXXXX` escape at the start.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(json: &[u8]) -> Option<String> {
        read(json, |json| Ok(serde_json::from_slice(json)?)).ok()
    }

    #[test]
    fn half_a_character_does_not_cost_the_text() {
        assert_eq!(string(br#""a\ud83d""#).as_deref(), Some("a\u{fffd}"));
        assert_eq!(
            string(br#""\ud83d\ude00 \udc00\ud800x""#).as_deref(),
            Some("\u{1f600} \u{fffd}\u{fffd}x")
        );
        assert_eq!(string(br#""\\ud83d \ud83d""#).as_deref(), Some("\\ud83d \u{fffd}"));
        assert_eq!(string(b"\"a\xff\"").as_deref(), Some("a\u{fffd}"));
        assert_eq!(string(b"\xef\xbb\xbf\"a\"").as_deref(), Some("a"));
    }

    #[test]
    fn what_is_not_json_stays_an_error() {
        assert_eq!(string(br#""\ud83"#), None);
        assert_eq!(string(b"\"\\"), None);
        assert_eq!(string(b""), None);
    }
}

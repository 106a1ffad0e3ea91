use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::{Error, ErrorKind, Result};

/// All that is not unreserved is encoded, so that an id or a file name stays one segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of a resource under `/v1`, each segment encoded by itself.
///
/// # Errors
///
/// [`InvalidRequest`](ErrorKind::InvalidRequest) for a segment that no encoding keeps in its place.
pub(super) fn resource(base: &Url, segments: &[&str]) -> Result<Url> {
    let mut path = base.path().trim_end_matches('/').to_owned();
    path.push_str("/v1");
    for segment in segments {
        // URL parsers take even `%2e%2e` for "one level up".
        if matches!(*segment, "" | "." | "..") {
            return Err(Error::local(ErrorKind::InvalidRequest, "an id or file name is empty or all dots"));
        }
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    let mut url = base.clone();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(segments: &[&str]) -> Result<String> {
        let base = Url::parse("https://api.example/prefix/").unwrap();
        resource(&base, segments).map(|url| url.as_str().to_owned())
    }

    #[test]
    fn an_id_stays_one_segment_whatever_is_in_it() {
        for (id, encoded) in [
            ("inb_8f3a", "inb_8f3a"),
            ("../x", "..%2Fx"),
            ("a/b", "a%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("%2e%2e", "%252e%252e"),
            ("a\\b\r\n", "a%5Cb%0D%0A"),
            ("Rechnung ä.pdf", "Rechnung%20%C3%A4.pdf"),
        ] {
            let expected = format!("https://api.example/prefix/v1/inboxes/{encoded}/send");
            assert_eq!(path(&["inboxes", id, "send"]).unwrap(), expected);
        }
    }

    #[test]
    fn dots_are_refused() {
        for id in ["", ".", ".."] {
            assert_eq!(*path(&["inboxes", id]).unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }
}

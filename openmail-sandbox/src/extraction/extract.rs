use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};

use super::{guard::guarded, pdf};
use crate::{html, model::Attachment};

/// Larger files are skipped.
const OCTETS_AT_MOST: usize = 10 * 1024 * 1024;
/// What is beyond this is cut off.
const CHARACTERS_AT_MOST: usize = 50_000;
/// How long reading one file may take, in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was read out of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extraction {
    /// How the text was got, or why there is none.
    pub(crate) method: &'static str,
    pub(crate) text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pdf,
    Html,
    Csv,
    Text,
}

/// Reads every file that has not been read yet, off the threads that requests are served on.
pub(crate) async fn extract_all(files: impl IntoIterator<Item = &Attachment>) {
    let unread: Vec<_> = files.into_iter().filter(|file| !file.is_read()).cloned().collect();
    if unread.is_empty() {
        return;
    }
    let read = move || unread.iter().for_each(|file| file.read());
    // A read that panics has said so, and is made again by whoever asks for the text.
    tokio::task::spawn_blocking(read).await.ok();
}

/// Reads a file, however hostile it is, within bounds of size and time.
pub(crate) fn extract(filename: &str, content_type: &str, bytes: &Bytes) -> Extraction {
    let Some(kind) = kind(filename, content_type) else { return nothing("unsupported") };
    if bytes.len() > OCTETS_AT_MOST {
        return nothing("skipped_too_large");
    }
    match kind {
        Kind::Text => found("text", decoded(content_type, bytes)),
        Kind::Csv => found("csv", decoded(content_type, bytes)),
        Kind::Html => found("text", html::text_of(&decoded(content_type, bytes))),
        Kind::Pdf => {
            let bytes = bytes.clone();
            match guarded(PATIENCE, move || pdf::text_of(&bytes, CHARACTERS_AT_MOST, PATIENCE)) {
                Some(Ok(text)) if !text.trim().is_empty() => found("pdf", text),
                // The service would look at the pictures.
                Some(Ok(_)) => nothing("unsupported"),
                Some(Err(_)) | None => nothing("pdf_error"),
            }
        }
    }
}

fn found(method: &'static str, mut text: String) -> Extraction {
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_AT_MOST) {
        text.truncate(end);
    }
    Extraction { method, text: Some(text) }
}

fn nothing(reason: &'static str) -> Extraction {
    Extraction { method: reason, text: None }
}

fn kind(filename: &str, content_type: &str) -> Option<Kind> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/pdf" | "application/x-pdf" => Some(Kind::Pdf),
        "text/html" | "application/xhtml+xml" => Some(Kind::Html),
        "text/csv" | "text/tab-separated-values" | "application/csv" => Some(Kind::Csv),
        "application/json" | "application/xml" | "application/yaml" => Some(Kind::Text),
        // Senders that do not know better; for spreadsheets exported as CSV, those that do not care.
        "" | "application/octet-stream" | "application/vnd.ms-excel" => kind_by_name(filename),
        essence if essence.ends_with("+json") || essence.ends_with("+xml") => Some(Kind::Text),
        essence if essence.starts_with("text/") => match kind_by_name(filename) {
            Some(Kind::Csv) => Some(Kind::Csv),
            _ => Some(Kind::Text),
        },
        _ => None,
    }
}

fn kind_by_name(filename: &str) -> Option<Kind> {
    match filename.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "pdf" => Some(Kind::Pdf),
        "html" | "htm" => Some(Kind::Html),
        "csv" | "tsv" => Some(Kind::Csv),
        "txt" | "md" | "json" | "xml" | "yaml" | "yml" | "log" => Some(Kind::Text),
        _ => None,
    }
}

/// A byte order mark outdoes the charset, as it does in browsers. What cannot be decoded becomes U+FFFD.
fn decoded(content_type: &str, bytes: &[u8]) -> String {
    let charset = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    });
    let encoding = charset.and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8);
    encoding.decode(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{CHARACTERS_AT_MOST, Kind, OCTETS_AT_MOST, extract, kind};

    #[test]
    fn the_kind_is_the_types_and_else_the_names() {
        for (filename, content_type, expected) in [
            ("x", "application/pdf", Some(Kind::Pdf)),
            ("x.PDF", "application/octet-stream", Some(Kind::Pdf)),
            ("x.csv", "application/vnd.ms-excel", Some(Kind::Csv)),
            ("x.csv", "text/plain; charset=utf-8", Some(Kind::Csv)),
            ("x.xls", "application/vnd.ms-excel", None),
            ("x.html", "Text/HTML; charset=utf-8", Some(Kind::Html)),
            ("x.html", "text/plain", Some(Kind::Text)),
            ("x", "application/ld+json", Some(Kind::Text)),
            ("x.txt", "video/mp4", None),
            ("x.zip", "application/zip", None),
        ] {
            assert_eq!(kind(filename, content_type), expected, "{filename} {content_type}");
        }
    }

    #[test]
    fn text_is_decoded_by_its_charset_or_its_byte_order_mark() {
        for (content_type, bytes) in [
            ("text/plain", &b"caf\xc3\xa9"[..]),
            ("text/plain; charset=\"iso-8859-1\"", b"caf\xe9"),
            ("text/csv", b"\xff\xfec\0a\0f\0\xe9\0"),
        ] {
            let found = extract("x.txt", content_type, &Bytes::from_static(bytes));
            assert_eq!(found.text.as_deref(), Some("café"), "{content_type}");
        }
    }

    #[test]
    fn large_files_are_skipped_and_long_texts_cut() {
        let large = extract("x.txt", "text/plain", &Bytes::from(vec![b'a'; OCTETS_AT_MOST + 1]));
        assert_eq!((large.method, large.text), ("skipped_too_large", None));
        let long = extract("x.txt", "text/plain", &Bytes::from("é".repeat(CHARACTERS_AT_MOST + 1)));
        assert_eq!(long.text.unwrap().chars().count(), CHARACTERS_AT_MOST);
    }
}

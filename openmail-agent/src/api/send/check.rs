use crate::api::{Error, ErrorKind, Result};
use crate::model::{Body, Draft, IdempotencyKey};

use super::html::html_of;

/// The most characters that the service takes in a subject.
pub(crate) const SUBJECT_MOST: usize = 998;
/// The most characters that it takes in a body.
pub(crate) const BODY_MOST: usize = 100_000;
const HTML_MOST: usize = 500_000;

/// How much the files of a mail may have together.
pub(crate) const FILES_MOST: usize = 25 * 1024 * 1024;

/// Whether the draft keeps the contract, found out before anything leaves.
pub(crate) fn draft(draft: &Draft) -> Result<()> {
    subject(draft)?;
    body(&draft.body)?;
    let bytes: usize = draft.attachments.iter().map(|file| file.bytes.len()).sum();
    if bytes > FILES_MOST {
        let megabytes = bytes as f64 / (1024.0 * 1024.0);
        return Err(invalid(format!(
            "the attachments are {megabytes:.1} MB in all, and the service takes 25 MB"
        )));
    }
    Ok(())
}

/// Whether the key can be a header.
pub(super) fn key(key: &IdempotencyKey) -> Result<()> {
    let text = key.as_str();
    if text.is_empty()
        || text.len() > 255
        || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        return Err(invalid("the idempotency key must be 1 to 255 printable ASCII characters".to_owned()));
    }
    Ok(())
}

fn subject(draft: &Draft) -> Result<()> {
    match draft.subject.as_deref().map(str::trim) {
        None | Some("") if draft.thread_id.is_none() => {
            Err(invalid("a mail outside of a thread needs a subject".to_owned()))
        }
        Some(subject) => at_most("the subject", subject, SUBJECT_MOST),
        None => Ok(()),
    }
}

fn body(body: &Body) -> Result<()> {
    match body {
        Body::Text(text) | Body::Both { text, .. } if text.is_empty() => {
            Err(invalid("the body is empty".to_owned()))
        }
        Body::Html(html) if html.is_empty() => Err(invalid("the body is empty".to_owned())),
        Body::Text(text) => {
            at_most("the body", text, BODY_MOST)?;
            at_most("the body written as HTML", html_of(text).as_deref().unwrap_or_default(), HTML_MOST)
        }
        Body::Html(html) => at_most("the HTML body", html, BODY_MOST),
        Body::Both { text, html } => {
            at_most("the body", text, BODY_MOST)?;
            at_most("the HTML body", html, HTML_MOST)
        }
    }
}

fn at_most(what: &str, text: &str, most: usize) -> Result<()> {
    let chars = text.chars().count();
    if chars > most {
        return Err(invalid(format!("{what} has {chars} characters, and the service takes {most}")));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::local(ErrorKind::InvalidRequest, message)
}

//! The text of an attachment.

use crate::{model::Attachment, world::without_tags};

/// The text, and the name of the method that got it; or why there is none.
pub(crate) fn text_of(file: &Attachment) -> Result<(&'static str, String), &'static str> {
    let essence = file.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let method = match essence.as_str() {
        "text/csv" => "csv",
        "application/json" => "text",
        essence if essence.starts_with("text/") => "text",
        _ => return Err("unsupported"),
    };
    let text = String::from_utf8_lossy(&file.bytes);
    Ok(match essence.as_str() {
        "text/html" => (method, without_tags(&text)),
        _ => (method, text.into_owned()),
    })
}

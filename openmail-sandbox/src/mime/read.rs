use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::classify::classify;
use crate::model::{Attachment, Mail};

/// Reads a mail from its text. None if it has no headers.
pub(crate) fn read(octets: &[u8], envelope_from: Option<&str>) -> Option<Mail> {
    let message = MessageParser::default().parse(octets)?;
    if message.headers().is_empty() {
        return None;
    }
    let from = addresses(message.from()).into_iter().next();
    let mut mail = Mail::from(from.or_else(|| envelope_from.map(str::to_owned)).unwrap_or_default());
    mail.to = addresses(message.to());
    mail.cc = addresses(message.cc());
    mail.subject = message.subject().map(str::to_owned);
    mail.text = text(&message);
    mail.html = html(&message);
    mail.attachments = message.attachments().enumerate().map(|(at, part)| attachment(at, part)).collect();
    mail.message_id = message.message_id().map(bracketed);
    mail.in_reply_to = ids(message.in_reply_to()).pop();
    mail.references = ids(message.references());
    mail.class = classify(&mail, &message, envelope_from);
    Some(mail)
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let all = header.into_iter().flat_map(Address::iter);
    let written = all.filter_map(|one| {
        let address = one.address.as_deref().filter(|address| !address.is_empty())?;
        Some(match one.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => format!("{} <{address}>", display_name(name)),
            None => address.to_owned(),
        })
    });
    written.collect()
}

/// Quoted where it would otherwise not be read back as one name.
fn display_name(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.contains(|c: char| "()<>[]:;@\\,.\"".contains(c)) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name
    }
}

/// Every plain part that is shown, one after the other. None for mail that has only HTML.
fn text(message: &Message<'_>) -> Option<String> {
    let parts = message.text_body.iter().filter_map(|at| match &message.part(*at)?.body {
        PartType::Text(text) => Some(text.replace("\r\n", "\n")),
        _ => None,
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn html(message: &Message<'_>) -> Option<String> {
    message.html_body.iter().find_map(|at| match &message.part(*at)?.body {
        PartType::Html(html) => Some(html.clone().into_owned()),
        _ => None,
    })
}

fn attachment(at: usize, part: &MessagePart<'_>) -> Attachment {
    let kind = part.content_type();
    let default = if part.is_message() { "message/rfc822" } else { "application/octet-stream" };
    let content_type = kind.map_or_else(
        || default.to_owned(),
        |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_ascii_lowercase(),
    );
    let name = part.attachment_name().filter(|name| !name.is_empty());
    let filename = name.map_or_else(|| format!("attachment-{}", at + 1), str::to_owned);
    let mut attachment = Attachment::new(filename, content_type, part.contents().to_vec());
    attachment.content_id = part.content_id().map(str::to_owned);
    attachment
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    match header {
        HeaderValue::Text(id) => vec![bracketed(id)],
        HeaderValue::TextList(ids) => ids.iter().map(bracketed).collect(),
        _ => Vec::new(),
    }
}

fn bracketed(id: impl AsRef<str>) -> String {
    format!("<{}>", id.as_ref())
}

#[cfg(test)]
mod tests;

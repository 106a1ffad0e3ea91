mod entity;
mod output;
mod scope;
mod style;

use output::Output;
use style::Sight;

/// The text of an HTML body, as a reader sees it: for mail that has no other.
///
/// Paragraphs, line breaks and list items become lines, quoted blocks lines with `>`; scripts, styles, comments and what
/// is marked as hidden are left out: a place to whisper to a model. Where that would leave nothing, the mark is
/// not believed. Never fails, and takes time in proportion to the text, whatever it is given.
///
/// ```
/// # use openmail_agent::wire::text::from_html;
/// assert_eq!(from_html("<p>Hi,</p><ul><li>one<li>t&ouml;o</ul>"), "Hi,\n\n- one\n- töo");
/// ```
#[must_use]
pub fn from_html(html: &str) -> String {
    match read(html, Output::default()) {
        text if text.trim().is_empty() => read(html, Output::with_what_is_hidden()),
        text => text,
    }
}

fn read(html: &str, mut output: Output) -> String {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        output.text(&rest[..at]);
        rest = markup(&rest[at..], &mut output);
    }
    output.text(rest);
    output.finish()
}

/// Takes what begins with `<`, and gives what is behind it.
fn markup<'a>(html: &'a str, output: &mut Output) -> &'a str {
    if let Some(comment) = html.strip_prefix("<!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    if !html[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        output.text("<");
        return &html[1..];
    }
    // A tag without an end swallows the rest, as in a browser.
    let Some(end) = tag_end(html) else { return "" };
    let (tag, rest) = (Tag::of(&html[1..end]), &html[end + 1..]);
    if !tag.closing && is_unseen(&tag.name) {
        return behind(rest, &tag.name);
    }
    output.tag(&tag);
    rest
}

/// Where the tag's `>` is, past those in quoted attributes.
fn tag_end(html: &str) -> Option<usize> {
    let mut quote = None;
    html.bytes().position(|byte| {
        match quote {
            Some(open) if byte == open => quote = None,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            _ => return quote.is_none() && byte == b'>',
        }
        false
    })
}

fn is_unseen(name: &str) -> bool {
    matches!(name, "script" | "style" | "title" | "template" | "textarea" | "svg" | "object" | "select")
}

/// What follows the closing tag of this name.
fn behind<'a>(html: &'a str, name: &str) -> &'a str {
    let closes = |at: usize| {
        let rest = &html.as_bytes()[at + 2..];
        rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name.as_bytes())
    };
    let Some((at, _)) = html.match_indices("</").find(|(at, _)| closes(*at)) else { return "" };
    html[at..].find('>').map_or("", |end| &html[at + end + 1..])
}

/// A tag, taken apart as far as its text needs it.
struct Tag {
    name: String,
    closing: bool,
    sight: Sight,
}

impl Tag {
    fn of(inner: &str) -> Self {
        let closing = inner.starts_with('/');
        let inner = inner.trim_start_matches('/');
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
        let name = inner[..end].to_ascii_lowercase();
        let sight = if closing { Sight::default() } else { Sight::of(&name, &inner[end..]) };
        Self { name, closing, sight }
    }
}

mod entity;
mod output;

use output::Output;

/// The text of an HTML body, as a reader sees it: for mail that has no other.
///
/// Paragraphs, line breaks and list items become lines, quoted blocks lines with `>`; scripts, styles, comments and what
/// is marked as hidden are left out. Never fails, and reads in one pass whatever it is given.
///
/// ```
/// # use openmail_agent::wire::text::from_html;
/// assert_eq!(from_html("<p>Hi,</p><ul><li>one<li>t&ouml;o</ul>"), "Hi,\n\n- one\n- töo");
/// ```
#[must_use]
pub fn from_html(html: &str) -> String {
    let mut output = Output::default();
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
    hidden: bool,
}

impl Tag {
    fn of(inner: &str) -> Self {
        let closing = inner.starts_with('/');
        let inner = inner.trim_start_matches('/');
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
        Self {
            name: inner[..end].to_ascii_lowercase(),
            closing,
            hidden: !closing && is_hidden(&inner[end..]),
        }
    }
}

/// Whether the attributes hide the element from a reader: a place to whisper to a model.
fn is_hidden(attributes: &str) -> bool {
    if attributes.len() > 4096 {
        return false;
    }
    let plain: String =
        attributes.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let hides = ["display:none", "visibility:hidden", "opacity:0;", "opacity:0\"", "mso-hide:all"];
    // `font-size:0.9em` is small and to be seen.
    let sizeless = plain.contains("font-size:0") && !plain.contains("font-size:0.");
    let attribute = attributes.split_whitespace().any(|word| word.eq_ignore_ascii_case("hidden"));
    attribute || sizeless || hides.iter().any(|style| plain.contains(style))
}

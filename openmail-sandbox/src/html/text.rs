use mail_parser::decoders::html::html_to_text;

use super::tags::{name, tags};

/// The text of HTML: blocks end lines, cells stand apart, entities are resolved, scripts and styles left out. It takes
/// time that grows with the length, however the HTML is nested.
pub(crate) fn text_of(html: &str) -> String {
    let mut prepared = String::with_capacity(html.len() + html.len() / 8);
    let mut copied = 0;
    for (start, end) in tags(html) {
        // A title is not part of the page, with or without a head around it.
        if name(&html[start..end]) != ("title".into(), true) {
            push_text(&mut prepared, &html[copied..start]);
        }
        prepared.push_str(&html[start..end]);
        prepared.push_str(gap(&html[start..end]));
        copied = end;
    }
    push_text(&mut prepared, &html[copied..]);
    let text = html_to_text(&prepared).replace('\u{a0}', " ");
    text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

/// What looks like no tag must not become one.
fn push_text(prepared: &mut String, text: &str) {
    prepared.push_str(&text.replace('<', "&lt;"));
}

/// What stands in the text for a tag; line breaks and paragraphs are seen to already.
fn gap(tag: &str) -> &'static str {
    let (name, closes) = name(tag);
    match name.as_str() {
        "div" | "li" | "tr" | "table" | "blockquote" | "h1" | "h2" | "h3" | "h4" if closes => "<br>",
        "td" | "th" if closes => "&nbsp;",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn the_text_between_the_tags_is_kept() {
        assert_eq!(text_of("<h1>Tea</h1><p>A<br>B</p><td>1</td><td>2</td>"), "Tea\nA\nB\n1 2");
        assert_eq!(text_of("<p>Hello &amp; <b>welcome</b>, 1 < 2</p>"), "Hello & welcome, 1 < 2");
        assert_eq!(text_of("1 << 2 and a<b"), "1 << 2 and a<b");
    }

    #[test]
    fn scripts_styles_and_comments_are_left_out_and_entities_resolved() {
        let page = "<html><head><title>T</title><style>p { color: red }</style></head><body>\n  <h1>Tea &mdash;\n  \
                    38&nbsp;&euro;</h1><script>if (a < b) { steal('<p>x') }</script><p>One<br>two</p><!-- hidden -->\
                    <table><tr><td>a</td><td>b &lt; c</td></tr></table></body>";
        assert_eq!(text_of(page), "Tea — 38 €\nOne\ntwo\na b < c");
    }

    #[test]
    fn nesting_costs_nothing() {
        assert_eq!(text_of(&"<div>".repeat(500_000)), "");
    }
}

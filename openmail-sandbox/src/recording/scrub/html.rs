use super::text::Text;

/// Elements that say how a mail is built. Any other becomes a `span`, since its name could be a word.
const ELEMENTS: [&str; 44] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "cite",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "ul",
];

/// Elements whose content is no text.
const MUTE: [&str; 4] = ["script", "style", "title", "template"];

/// Classes and ids by which mail programs mark what they quote.
const MARKS: [&str; 8] = [
    "gmail_quote",
    "gmail_attr",
    "gmail_extra",
    "gmail_signature",
    "moz-cite-prefix",
    "yahoo_quoted",
    "protonmail_quote",
    "divRplyFwdMsg",
];

impl Text {
    /// A body in HTML: its elements, without their attributes, and filler in place of its text.
    pub(super) fn html(&mut self, html: &str) -> String {
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            self.run(&rest[..at], &mut out);
            rest = &rest[at..];
            rest = match Tag::at(rest) {
                Some(tag) => {
                    tag.write(&mut out);
                    tag.behind(rest)
                }
                // A comment, or what is never closed, is left out; a mere sign stays one.
                None if rest.starts_with("<!--") => after(rest, "-->"),
                None if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) => {
                    after(rest, ">")
                }
                None => {
                    out.push_str("&lt;");
                    &rest[1..]
                }
            };
        }
        self.run(rest, &mut out);
        out
    }

    /// The text between two tags. Its entities could spell words.
    fn run(&mut self, text: &str, out: &mut String) {
        let text =
            text.replace("&nbsp;", " ").replace("&amp;", "+").replace("&lt;", "(").replace("&gt;", ")");
        let mut plain = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find('&') {
            plain.push_str(&rest[..at]);
            let entity = rest[at + 1..].split(|c: char| !c.is_ascii_alphanumeric() && c != '#').next();
            let length = entity.map_or(0, str::len);
            plain.push('x');
            rest = rest[at + 1 + length..].trim_start_matches(';');
        }
        plain.push_str(rest);
        let scrubbed = self.body(&plain);
        out.push_str(&scrubbed.replace('>', "&gt;").replace('<', "&lt;"));
    }
}

struct Tag<'a> {
    /// Between the angle brackets.
    inside: &'a str,
    name: String,
    closes: bool,
}

impl<'a> Tag<'a> {
    /// The tag that begins here, up to its end; angle brackets within quotes do not end it.
    fn at(text: &'a str) -> Option<Self> {
        let closes = text[1..].starts_with('/');
        let start = if closes { 2 } else { 1 };
        let name: String = text[start..].chars().take_while(char::is_ascii_alphanumeric).collect();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let mut quote = None;
        for (at, c) in text.char_indices().skip(start) {
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '>') => {
                    return Some(Self { inside: &text[1..at], name: name.to_ascii_lowercase(), closes });
                }
                _ => {}
            }
        }
        None
    }

    fn write(&self, out: &mut String) {
        if MUTE.contains(&self.name.as_str()) {
            return;
        }
        let name = if ELEMENTS.contains(&self.name.as_str()) { self.name.as_str() } else { "span" };
        out.push_str(if self.closes { "</" } else { "<" });
        out.push_str(name);
        if !self.closes {
            if let Some(mark) = MARKS.iter().find(|mark| self.inside.contains(*mark)) {
                out.push_str(&format!(" class=\"{mark}\""));
            }
            if self.name == "blockquote" && self.inside.contains("cite") {
                out.push_str(" type=\"cite\"");
            }
            if self.name == "a" {
                out.push_str(" href=\"https://example.com/\"");
            }
        }
        out.push('>');
    }

    /// What follows the tag, and its content where that is no text.
    fn behind(&self, text: &'a str) -> &'a str {
        let rest = &text[self.inside.len() + 2..];
        if self.closes || !MUTE.contains(&self.name.as_str()) {
            return rest;
        }
        let ends = |at: &usize| {
            let name = rest.as_bytes().get(at + 2..at + 2 + self.name.len());
            name.is_some_and(|name| name.eq_ignore_ascii_case(self.name.as_bytes()))
        };
        let close = rest.match_indices("</").map(|(at, _)| at).find(ends);
        close.map_or("", |at| after(&rest[at..], ">"))
    }
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_and_what_is_in_them_does_not() {
        let html = "<html><head><title>Secret</title><style>.secret{}</style></head><body>\
            <p class='secret' title=\"a > secret\">Secret &amp; &#83;ecret, 3 < 4</p><!-- secret -->\
            <SECRET-element data-secret=1>x</SECRET-element><a href=\"https://secret.example/\">Secret</a>\
            <img src='https://secret.example/pixel' alt=secret><div class=\"gmail_quote\">secret</div>\
            <blockquote type=\"cite\" cite=\"mid:secret@x\">Secret</blockquote><br/></body></html><a href=\"secret";
        let scrubbed = Text::default().html(html);
        assert!(!scrubbed.to_lowercase().contains("secret"), "{scrubbed}");
        assert!(!scrubbed.contains("&#") && !scrubbed.contains("pixel"), "{scrubbed}");
        for kept in [
            "<html><head></head><body><p>",
            "<a href=\"https://example.com/\">",
            "<img>",
            "<div class=\"gmail_quote\">",
            "<blockquote type=\"cite\">",
            "</blockquote><br></body></html>",
        ] {
            assert!(scrubbed.contains(kept), "{kept} is not in {scrubbed}");
        }
    }

    #[test]
    fn no_html_is_too_broken() {
        for html in [
            "<",
            "<<p",
            "</",
            "<!",
            "<!--",
            "<p",
            "<p a='",
            "a<b>c</",
            "<script>x",
            "<ä>",
            "&",
            "&#",
            "<style></ſtyle>",
        ] {
            Text::default().html(html);
        }
    }
}

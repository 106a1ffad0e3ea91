/// Whether the service takes this `body` for HTML: anything that looks like a tag is enough.
pub(crate) fn looks_like_html(body: &str) -> bool {
    tags(body).next().is_some()
}

/// Start and end of everything that looks like a tag.
pub(super) fn tags(html: &str) -> impl Iterator<Item = (usize, usize)> {
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

/// The name in a tag, in lower case, and whether it ends an element.
pub(super) fn name(tag: &str) -> (String, bool) {
    let rest = tag.trim_start_matches('<');
    let name = rest.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
    (name.unwrap_or_default().to_ascii_lowercase(), rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::looks_like_html;

    #[test]
    fn anything_like_a_tag_makes_a_body_html() {
        assert!(looks_like_html("<p>Hello</p>"));
        assert!(looks_like_html("use Vec<String> here"));
        assert!(!looks_like_html("1 < 2 and 3 > 2"));
        assert!(!looks_like_html("a <unfinished"));
    }
}

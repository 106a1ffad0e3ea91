use super::Tag;
use super::entity::decode;

/// The most marks of a quotation within a quotation.
const DEPTH: usize = 5;

/// The text so far, and where in the page it is.
#[derive(Default)]
pub(super) struct Output {
    text: String,
    line: String,
    quotes: usize,
    preformatted: usize,
    /// The element that hides all within it, and how many of its name are open.
    hidden: Option<(String, usize)>,
    gap: bool,
}

impl Output {
    pub(super) fn text(&mut self, html: &str) {
        if self.hidden.is_some() {
            return;
        }
        for c in decode(html).chars() {
            match c {
                '\n' if self.preformatted > 0 => self.end_line(),
                c if c.is_ascii_whitespace() && self.preformatted == 0 => self.space(),
                '\r' => {}
                '\u{a0}' => self.line.push(' '),
                c => self.line.push(c),
            }
        }
    }

    pub(super) fn tag(&mut self, tag: &Tag) {
        if self.is_within_hidden(tag) {
            return;
        }
        match tag.name.as_str() {
            "br" => self.end_line(),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "hr" => self.paragraph(),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "body" | "center" => {
                self.break_line();
            }
            "li" => {
                self.break_line();
                if !tag.closing {
                    self.line.push_str("- ");
                }
            }
            "td" | "th" if !tag.closing => self.space(),
            "pre" => {
                self.paragraph();
                self.preformatted = step(self.preformatted, tag.closing);
            }
            "blockquote" => {
                self.paragraph();
                self.quotes = step(self.quotes, tag.closing);
            }
            _ => {}
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.break_line();
        self.text.trim_matches('\n').to_owned()
    }

    fn is_within_hidden(&mut self, tag: &Tag) -> bool {
        match &mut self.hidden {
            Some((name, open)) => {
                if *name == tag.name {
                    *open = step(*open, tag.closing);
                }
                if *open == 0 {
                    self.hidden = None;
                }
                true
            }
            None if tag.hidden && !is_void(&tag.name) => {
                self.hidden = Some((tag.name.clone(), 1));
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn break_line(&mut self) {
        if !self.line.trim().is_empty() {
            self.end_line();
        }
        self.line.clear();
    }

    fn paragraph(&mut self) {
        self.break_line();
        self.gap = true;
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.gap && !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        self.gap = false;
        for _ in 0..self.quotes.min(DEPTH) {
            self.text.push('>');
        }
        if self.quotes > 0 && !line.trim().is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

fn step(count: usize, closing: bool) -> usize {
    if closing { count.saturating_sub(1) } else { count + 1 }
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr" | "img" | "input" | "link" | "meta" | "col" | "wbr" | "area" | "base" | "embed"
    )
}

use super::Tag;
use super::entity::decode;
use super::scope::{Scopes, Seen};

/// The most marks of a quotation within a quotation.
const DEPTH: usize = 5;

/// The text so far, and where in the page it is.
#[derive(Default)]
pub(super) struct Output {
    text: String,
    line: String,
    quotes: usize,
    preformatted: usize,
    scopes: Scopes,
    shows_all: bool,
    gap: bool,
}

impl Output {
    /// One to which nothing is hidden.
    pub(super) fn with_what_is_hidden() -> Self {
        Self { shows_all: true, ..Self::default() }
    }

    pub(super) fn text(&mut self, html: &str) {
        if !self.is_seen() {
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
        if !self.shows_all && !self.scopes.pass(tag) {
            return;
        }
        match tag.name.as_str() {
            "br" if self.is_seen() => self.end_line(),
            "br" => self.break_line(),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "hr" => self.paragraph(),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "body" | "center" => {
                self.break_line();
            }
            "li" => {
                self.break_line();
                if !tag.closing && self.is_seen() {
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

    fn is_seen(&self) -> bool {
        self.scopes.seen() == Seen::Yes
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

use std::collections::BTreeMap;

use lopdf::{
    Document, Object, ObjectId,
    content::{Content, Operation},
};

use super::{document::INFLATED_AT_MOST, font::Font};

/// What is set further apart than this are two words, in parts of the font's size.
const WORD_GAP: f32 = 0.14;
/// What is higher or lower than this is on another line, in parts of the font's size.
const LINE_GAP: f32 = 0.5;
const SAVED_AT_MOST: usize = 256;

/// What has been drawn so far, and where the pen is. Turned and mirrored text counts as if it were not.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    text: String,
    /// Where the last text ended.
    end: Option<(f32, f32)>,
    /// Where the current line of text begins, and how its own units scale.
    line: (f32, f32),
    scale: (f32, f32),
    size: f32,
    /// How far along the line the pen is.
    along: f32,
    /// Where the coordinates of the page have been moved to, and what they may return to.
    origin: (f32, f32),
    saved: Vec<(f32, f32)>,
}

impl Drawn {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn page(&mut self, document: &Document, page: ObjectId) -> lopdf::Result<()> {
        let fonts = document.get_page_fonts(page)?.into_iter();
        let fonts: BTreeMap<_, _> =
            fonts.filter_map(|(name, font)| Some((name, Font::of(document, font)?))).collect();
        let content = document.get_page_content_with_limit(page, INFLATED_AT_MOST)?;
        let mut font = None;
        *self = Self { text: std::mem::take(&mut self.text), scale: (1.0, 1.0), ..Self::default() };
        for operation in &Content::decode(&content)?.operations {
            let operands = operation.operands.as_slice();
            match (operation.operator.as_str(), operands) {
                ("Tf", [name, size]) => {
                    font = name.as_name().ok().and_then(|name| fonts.get(name));
                    self.size = size.as_float().unwrap_or(1.0);
                }
                ("Tj" | "TJ", [shown]) => self.show(shown, font),
                ("'", [shown]) | ("\"", [_, _, shown]) => {
                    self.next_line();
                    self.show(shown, font);
                }
                _ => self.follow(operation),
            }
        }
        self.new_line();
        Ok(())
    }

    /// Moves the pen without drawing.
    fn follow(&mut self, operation: &Operation) {
        let numbers: Vec<f32> = operation.operands.iter().map_while(|one| one.as_float().ok()).collect();
        match (operation.operator.as_str(), numbers.as_slice()) {
            ("q", _) if self.saved.len() < SAVED_AT_MOST => self.saved.push(self.origin),
            ("Q", _) => self.origin = self.saved.pop().unwrap_or(self.origin),
            ("cm", [.., x, y]) => self.origin = (self.origin.0 + x, self.origin.1 + y),
            ("BT", _) => self.begin_line((0.0, 0.0), (1.0, 1.0)),
            ("Tm", [a, _, _, d, x, y]) => self.begin_line((*x, *y), (*a, *d)),
            ("Td" | "TD", [x, y]) => {
                let line = (self.line.0 + x * self.scale.0, self.line.1 + y * self.scale.1);
                self.begin_line(line, self.scale);
            }
            ("T*", _) => self.next_line(),
            _ => {}
        }
    }

    fn begin_line(&mut self, line: (f32, f32), scale: (f32, f32)) {
        (self.line, self.scale, self.along) = (line, scale, 0.0);
    }

    fn next_line(&mut self) {
        self.new_line();
        self.along = 0.0;
        self.end = None;
    }

    fn show(&mut self, shown: &Object, font: Option<&Font<'_>>) {
        let Some(font) = font else { return };
        let em = (self.size * self.scale.0).abs();
        if let Some((x, y)) = self.end {
            let (to_x, to_y) = self.pen();
            if (y - to_y).abs() > LINE_GAP * em {
                self.new_line();
            } else if to_x - x > WORD_GAP * em || x - to_x > em {
                self.space();
            }
        }
        match shown {
            Object::Array(parts) => parts.iter().for_each(|part| self.part(part, font)),
            part => self.part(part, font),
        }
        self.end = Some(self.pen());
    }

    fn pen(&self) -> (f32, f32) {
        (self.origin.0 + self.line.0 + self.along, self.origin.1 + self.line.1)
    }

    fn part(&mut self, part: &Object, font: &Font<'_>) {
        let thousandth = self.size * self.scale.0 / 1000.0;
        if let Object::String(codes, _) = part {
            self.text.push_str(&font.text(codes));
            self.along += font.width(codes) * thousandth;
        } else if let Ok(back) = part.as_float() {
            self.along -= back * thousandth;
            if -back > WORD_GAP * 1000.0 {
                self.space();
            }
        }
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }

    fn new_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

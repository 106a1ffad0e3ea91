use std::collections::HashMap;

use lopdf::{Dictionary, Document, Encoding, Object};

use super::document::INFLATED_AT_MOST;

/// Of fonts that do not say: about what a lower-case letter takes.
const USUAL_WIDTH: f32 = 500.0;

/// How a font's codes read, and how wide they are in thousandths of its size.
pub(super) struct Font<'a> {
    encoding: Encoding<'a>,
    widths: HashMap<u32, f32>,
    default_width: f32,
    is_composite: bool,
}

impl<'a> Font<'a> {
    pub(super) fn of(document: &'a Document, font: &'a Dictionary) -> Option<Self> {
        let encoding = font.get_font_encoding_with_limit(document, INFLATED_AT_MOST).ok()?;
        let is_composite = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Type0");
        let mut font = Self { encoding, widths: HashMap::new(), default_width: USUAL_WIDTH, is_composite }
            .with_widths(document, font);
        font.widths.retain(|_, width| width.is_finite());
        Some(font)
    }

    pub(super) fn text(&self, codes: &[u8]) -> String {
        Document::decode_text(&self.encoding, codes).unwrap_or_default()
    }

    pub(super) fn width(&self, codes: &[u8]) -> f32 {
        let width = |code: u32| self.widths.get(&code).copied().unwrap_or(self.default_width);
        if self.is_composite {
            let pairs =
                codes.chunks(2).map(|pair| pair.iter().fold(0, |code, octet| code << 8 | u32::from(*octet)));
            pairs.map(width).sum()
        } else {
            codes.iter().map(|code| width(u32::from(*code))).sum()
        }
    }

    fn with_widths(mut self, document: &Document, font: &Dictionary) -> Self {
        if self.is_composite {
            let descendants = font.get_deref(b"DescendantFonts", document).and_then(Object::as_array);
            let descendant = descendants.ok().and_then(|fonts| document.dereference(fonts.first()?).ok());
            let Some(descendant) = descendant.and_then(|(_, font)| font.as_dict().ok()) else { return self };
            self.default_width = descendant.get(b"DW").and_then(Object::as_float).unwrap_or(1000.0);
            let widths = descendant.get_deref(b"W", document).and_then(Object::as_array);
            widths.into_iter().for_each(|widths| self.composite_widths(document, widths));
        } else {
            let first = font.get(b"FirstChar").and_then(Object::as_i64).unwrap_or(0);
            let widths = font.get_deref(b"Widths", document).and_then(Object::as_array);
            let widths = widths.into_iter().flatten().take(256).enumerate();
            self.widths = widths
                .filter_map(|(at, width)| {
                    Some((u32::try_from(first).ok()?.checked_add(at as u32)?, width.as_float().ok()?))
                })
                .collect();
        }
        self
    }

    /// `first [width …]`, or `first last width`, one after the other.
    fn composite_widths(&mut self, document: &Document, widths: &[Object]) {
        let mut rest = widths;
        while let [first, second, after @ ..] = rest {
            let Some(first) = code(first) else { return };
            let second = document.dereference(second).map_or(second, |(_, second)| second);
            rest = match (second, after) {
                (Object::Array(list), after) => {
                    let listed = (first..=0xffff).zip(list);
                    self.widths
                        .extend(listed.filter_map(|(code, width)| Some((code, width.as_float().ok()?))));
                    after
                }
                (last, [width, after @ ..]) => {
                    let (Some(last), Ok(width)) = (code(last), width.as_float()) else { return };
                    self.widths.extend((first..=last).map(|code| (code, width)));
                    after
                }
                _ => return,
            };
        }
    }
}

fn code(object: &Object) -> Option<u32> {
    object.as_i64().ok().and_then(|code| u32::try_from(code).ok()).filter(|code| *code <= 0xffff)
}

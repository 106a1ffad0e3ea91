use super::entity::decode;

/// What the attributes of an element say about whether its text can be seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// Neither the element nor anything in it is seen.
    pub(super) hidden: bool,
    /// Whether its text has a size: `None` = that of the element around it.
    pub(super) sized: Option<bool>,
}

impl Sight {
    /// What is written between a tag's name and its end.
    pub(super) fn of(element: &str, tag: &str) -> Self {
        let mut sight = Self::default();
        let mut styled = false;
        for (name, value) in Attributes(tag) {
            match name.to_ascii_lowercase().as_str() {
                "hidden" => sight.hidden = true,
                "size" if element == "font" => sight.sized = sight.sized.or(Some(true)),
                // The first of a name counts.
                "style" if !styled => {
                    styled = true;
                    let style = Style::of(&decode(value));
                    sight.hidden |= style.hides();
                    sight.sized = style.sized.value.or(sight.sized);
                }
                _ => {}
            }
        }
        sight
    }
}

/// The attributes of a tag, in order, with their values as they are written.
struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        // A name can begin with the sign that ends it.
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '=');
        let end = rest.char_indices().skip(1).find(|(_, c)| ends(*c)).map_or(rest.len(), |(at, _)| at);
        let (name, rest) = rest.split_at(end);
        let Some(value) = rest.trim_ascii_start().strip_prefix('=').map(str::trim_ascii_start) else {
            self.0 = rest;
            return Some((name, ""));
        };
        let (value, rest) = match value.strip_prefix(['"', '\'']) {
            Some(quoted) => quoted.split_once(&value[..1]).unwrap_or((quoted, "")),
            None => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        self.0 = rest;
        Some((name, value))
    }
}

/// What a `style` declares, of that which hides.
#[derive(Default)]
struct Style {
    undisplayed: Declared,
    invisible: Declared,
    transparent: Declared,
    sized: Declared,
}

impl Style {
    fn of(style: &str) -> Self {
        let mut declared = Self::default();
        for declaration in Declarations(&without_comments(style)) {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let value = value.trim().to_ascii_lowercase();
            let (value, important) = match value.rsplit_once('!') {
                Some((value, word)) if word.trim() == "important" => (value.trim_end(), true),
                _ => (value.as_str(), false),
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "display" => declared.undisplayed.declare(undisplayed(value), important),
                "visibility" => declared.invisible.declare(invisible(value), important),
                "opacity" => declared.transparent.declare(transparent(value), important),
                "font-size" => declared.sized.declare(sized(value), important),
                "font" => declared.sized.declare(sized_font(value), important),
                _ => {}
            }
        }
        declared
    }

    fn hides(&self) -> bool {
        [&self.undisplayed, &self.invisible, &self.transparent]
            .iter()
            .any(|declared| declared.value == Some(true))
    }
}

/// What holds of a property that may be declared several times.
#[derive(Default)]
struct Declared {
    value: Option<bool>,
    important: bool,
}

impl Declared {
    /// The last one holds, unless one before it is more important. What is not understood declares nothing.
    fn declare(&mut self, value: Option<bool>, important: bool) {
        if value.is_some() && (important || !self.important) {
            *self = Self { value, important };
        }
    }
}

fn undisplayed(value: &str) -> Option<bool> {
    let shown =
        ["block", "inline", "table", "flex", "grid", "list-item", "contents", "flow-root", "-webkit-"];
    match value {
        "none" => Some(true),
        shows if shown.iter().any(|shown| shows.starts_with(shown)) => Some(false),
        _ => None,
    }
}

fn invisible(value: &str) -> Option<bool> {
    match value {
        "hidden" | "collapse" => Some(true),
        "visible" => Some(false),
        _ => None,
    }
}

fn transparent(value: &str) -> Option<bool> {
    let opacity: f64 = value.trim_end_matches('%').trim().parse().ok()?;
    Some(opacity <= 0.0)
}

/// Whether text of this size is seen; `None` where that depends on the size around it.
fn sized(size: &str) -> Option<bool> {
    let word = size.trim_start_matches('x').trim_start_matches('-');
    let is_reckoned = ["calc(", "clamp(", "min(", "max("].iter().any(|reckons| size.starts_with(reckons));
    if is_reckoned || matches!(word, "small" | "medium" | "large") {
        return Some(true);
    }
    let end = size.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(size.len());
    let (number, unit) = size.split_at(end);
    let number: f64 = number.parse().ok()?;
    let is_of_its_own =
        matches!(unit, "px" | "pt" | "pc" | "in" | "cm" | "mm" | "q" | "rem" | "vw" | "vh" | "vmin" | "vmax");
    match number {
        0.0 => Some(false),
        number if number > 0.0 && is_of_its_own => Some(true),
        _ => None,
    }
}

/// Of `font`, which says all about it at once: the size is the first that can be one.
fn sized_font(font: &str) -> Option<bool> {
    font.split_ascii_whitespace().find_map(|word| sized(word.split('/').next().unwrap_or_default()))
}

fn without_comments(style: &str) -> String {
    let mut text = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    text
}

/// What stands between the semicolons of a style, of which those in quotes and brackets are none.
struct Declarations<'a>(&'a str);

impl<'a> Iterator for Declarations<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (mut quote, mut brackets) = (None, 0_usize);
        let end = self.0.bytes().position(|byte| {
            match (quote, byte) {
                (Some(open), byte) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'(') => brackets += 1,
                (None, b')') => brackets = brackets.saturating_sub(1),
                (None, b';') => return brackets == 0,
                _ => {}
            }
            false
        });
        let (declaration, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, ""),
        };
        self.0 = rest;
        Some(declaration)
    }
}

use super::Tag;

/// An element that decides what is seen within it.
pub(super) struct Scope {
    name: String,
    seen: Seen,
    /// How many elements are open within it that its own end must not be mistaken for.
    nested: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// All that is in it is seen.
    Yes,
    /// What has a size of its own is.
    Sized,
    /// Nothing is.
    No,
}

/// What a tag means to the scope that it stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Nothing,
    Nests,
    Unnests,
    /// It is the end.
    Ends,
    /// The scope has ended before it.
    Ended,
}

/// Which of the elements around the text decide whether it is seen.
#[derive(Default)]
pub(super) struct Scopes(Vec<Scope>);

impl Scopes {
    pub(super) fn seen(&self) -> Seen {
        self.0.last().map_or(Seen::Yes, |scope| scope.seen)
    }

    /// Takes in a tag, and tells whether it is itself of any consequence.
    pub(super) fn pass(&mut self, tag: &Tag) -> bool {
        while let Some(scope) = self.0.last_mut() {
            match scope.meaning(tag) {
                Meaning::Nothing => break,
                Meaning::Nests => {
                    scope.nested += 1;
                    break;
                }
                Meaning::Unnests => {
                    scope.nested -= 1;
                    break;
                }
                Meaning::Ends => {
                    let ended = self.0.pop();
                    return ended.is_none_or(|scope| scope.seen != Seen::No);
                }
                Meaning::Ended => _ = self.0.pop(),
            }
        }
        if self.seen() == Seen::No {
            return false;
        }
        let seen = match tag.sight {
            sight if sight.hidden => Seen::No,
            sight if sight.sized == Some(false) => Seen::Sized,
            // Of no consequence where everything is seen anyway.
            sight if sight.sized == Some(true) && !self.0.is_empty() => Seen::Yes,
            _ => return true,
        };
        if !tag.closing && !is_void(&tag.name) {
            // Its end is seen by the scope that it opens, and by no other.
            if let Some(outer) = self.0.last_mut().filter(|outer| outer.holds(&tag.name)) {
                outer.nested = outer.nested.saturating_sub(1);
            }
            self.0.push(Scope { name: tag.name.clone(), seen, nested: 0 });
        }
        seen != Seen::No
    }
}

impl Scope {
    fn meaning(&self, tag: &Tag) -> Meaning {
        let name = tag.name.as_str();
        let nests = self.holds(name);
        match (tag.closing, self.nested) {
            (false, 0) if self.gives_way_to(name) => Meaning::Ended,
            (false, _) if nests => Meaning::Nests,
            (true, 0) if name == self.name => Meaning::Ends,
            (true, 0) if self.is_left_with(name) => Meaning::Ended,
            (true, 1..) if nests => Meaning::Unnests,
            _ => Meaning::Nothing,
        }
    }

    /// Whether an element of this name, within it, can hold a tag that would otherwise be the scope's end.
    fn holds(&self, name: &str) -> bool {
        match self.name.as_str() {
            "p" => matches!(name, "table" | "button"),
            "li" => is_list(name),
            "dt" | "dd" => name == "dl",
            "td" | "th" | "tr" => name == "table",
            own => name == own,
        }
    }

    /// Whether it ends without a tag of its own where this element begins.
    fn gives_way_to(&self, name: &str) -> bool {
        match self.name.as_str() {
            "p" => is_block(name),
            "li" => name == "li",
            "dt" | "dd" => matches!(name, "dt" | "dd"),
            "td" | "th" => matches!(name, "td" | "th" | "tr" | "tbody" | "tfoot"),
            "tr" => matches!(name, "tr" | "tbody" | "tfoot"),
            _ => false,
        }
    }

    /// Whether it ends without a tag of its own where this element, which it is in, ends.
    fn is_left_with(&self, name: &str) -> bool {
        match self.name.as_str() {
            "p" => is_block(name) || is_of_table(name),
            "li" => is_list(name) || is_of_table(name),
            "dt" | "dd" => name == "dl" || is_of_table(name),
            "td" | "th" | "tr" => is_of_table(name) && !matches!(name, "td" | "th"),
            _ => false,
        }
    }
}

/// What cannot stand in a paragraph. A table can, in mail without a doctype.
fn is_block(name: &str) -> bool {
    is_list(name)
        || matches!(name, "p" | "div" | "center" | "blockquote" | "pre" | "hr" | "form" | "fieldset" | "li")
        || matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dl" | "dt" | "dd" | "address" | "figure")
        || matches!(name, "section" | "article" | "aside" | "header" | "footer" | "main" | "nav" | "details")
}

fn is_list(name: &str) -> bool {
    matches!(name, "ul" | "ol" | "menu" | "dir")
}

fn is_of_table(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th")
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr" | "img" | "input" | "link" | "meta" | "col" | "wbr" | "area" | "base" | "embed"
    )
}

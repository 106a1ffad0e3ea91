/// The entries of a list that cannot be parsed as a whole: parted at commas outside of quotes, brackets and comments. One of
/// these that is never closed is a letter like any other, and keeps together nothing.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    let stray = stray_quote(list);
    let mut quoted = false;
    let mut commas = Vec::new();
    // What is open, each with how many commas and how many of the others stood before it: what came since means nothing once
    // it is closed.
    let (mut brackets, mut comments) = (Vec::new(), Vec::new());
    for (at, c) in unescaped(list) {
        match c {
            '"' => quoted ^= Some(at) != stray,
            _ if quoted => {}
            '<' => brackets.push((commas.len(), comments.len())),
            '(' => comments.push((commas.len(), brackets.len())),
            '>' => close(&mut brackets, &mut commas, &mut comments),
            ')' => close(&mut comments, &mut commas, &mut brackets),
            ',' | ';' => commas.push(at),
            _ => {}
        }
    }
    let starts = std::iter::once(0).chain(commas.clone().into_iter().map(|at| at + 1));
    let ends = commas.into_iter().chain(std::iter::once(list.len()));
    starts.zip(ends).map(|(start, end)| &list[start..end])
}

/// How many commas, and how many openings of the other kind, stood before an opening.
type Before = (usize, usize);

fn close(opened: &mut Vec<Before>, commas: &mut Vec<usize>, others: &mut Vec<Before>) {
    if let Some((commas_before, others_before)) = opened.pop() {
        commas.truncate(commas_before);
        others.truncate(others_before);
    }
}

/// Where the quote stands that has no other to close it.
fn stray_quote(list: &str) -> Option<usize> {
    let quotes = unescaped(list).filter(|(_, c)| *c == '"');
    quotes.fold(None, |open, (at, _)| if open.is_none() { Some(at) } else { None })
}

/// The letters of a text that no backslash takes the meaning from, and where they stand.
fn unescaped(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| {
        let is_plain = !escaped && *c != '\\';
        escaped = !escaped && *c == '\\';
        is_plain
    })
}

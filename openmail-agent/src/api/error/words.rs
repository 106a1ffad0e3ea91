/// The most characters of the service's words that are kept.
const MOST: usize = 500;

/// The service's words, fit for a log: one line, capped, without keys and without the local part of addresses.
pub(crate) fn presentable(text: &str) -> String {
    let mut words = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&masked(word));
        if words.chars().count() > MOST {
            break;
        }
    }
    match words.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words,
    }
}

fn masked(word: &str) -> std::borrow::Cow<'_, str> {
    if word.contains("om_") {
        "[key]".into()
    } else if let Some(at) = word.rfind('@') {
        format!("…{}", &word[at..]).into()
    } else {
        word.into()
    }
}

use crate::api::SUBJECT_MOST;

/// A stranger's subject behind a prefix such as `Re: `, as the service takes it: in one line, and cut where it is too long.
pub(super) fn prefixed(prefix: &str, subject: &str) -> String {
    let words: Vec<_> = subject.split(char::is_control).filter(|part| !part.is_empty()).collect();
    cut(&format!("{prefix}{}", words.join(" ").trim()), SUBJECT_MOST)
}

/// At most this many characters, the last of which say so where there were more.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(CUT.len())).chain(CUT.chars()).collect()
}

/// Stands where something was cut off.
const CUT: &str = " [cut]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_of_what_the_service_takes() {
        assert_eq!(prefixed("Re: ", " a\r\n\0b\u{85} "), "Re: a b");
        assert_eq!(prefixed("", &"ä".repeat(998)), "ä".repeat(998));
        let long = prefixed("Fwd: ", &"\u{1F4A5}".repeat(2_000));
        assert_eq!(long.chars().count(), 998);
        assert!(long.starts_with("Fwd: \u{1F4A5}") && long.ends_with("\u{1F4A5} [cut]"), "{long}");
    }
}

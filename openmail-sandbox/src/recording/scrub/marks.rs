//! Words that say how a mail is built, and not what is in it: they stay.

/// What stands in front of the subject of an answer or a forward.
const ANSWERS: [&str; 16] = [
    "re", "fw", "fwd", "aw", "wg", "antw", "antwort", "sv", "vs", "tr", "rif", "ref", "res", "rv", "enc",
    "odp",
];

/// What stands in front of the subject of a mail that a machine wrote by itself.
const AUTOMATIC: [&str; 12] = [
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "out of office",
    "automatische antwort",
    "abwesenheitsnotiz",
    "réponse automatique",
    "respuesta automática",
    "undeliverable",
    "undelivered mail returned to sender",
    "delivery status notification",
];

/// How the line above a quote begins, and its verb.
const INTRODUCTIONS: [(&str, &str); 8] = [
    ("On", "wrote"),
    ("Am", "schrieb"),
    ("Le", "a écrit"),
    ("El", "escribió"),
    ("Il", "ha scritto"),
    ("Op", "schreef"),
    ("Em", "escreveu"),
    ("Den", "skrev"),
];

/// What stands between dashes above a forwarded or quoted mail.
const SEPARATORS: [&str; 8] = [
    "original message",
    "forwarded message",
    "begin forwarded message:",
    "ursprüngliche nachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "mensaje original",
    "messaggio originale",
];

/// The headers that mail programs put above a quoted mail.
const HEADERS: [&str; 15] = [
    "From", "Sent", "To", "Cc", "Date", "Subject", "Von", "Gesendet", "An", "Betreff", "Datum", "De",
    "Envoyé", "Objet", "Para",
];

/// How many bytes at the start of a subject are such marks.
pub(super) fn of_subject(subject: &str) -> usize {
    let rest = |at: usize| &subject[at..];
    let mut at = 0;
    while let Some(length) = prefix(rest(at)) {
        at += length;
    }
    let lower = rest(at).to_lowercase();
    // Lower case can be longer or shorter than what it is of; then it is no mark.
    match AUTOMATIC.iter().find(|mark| lower.starts_with(*mark) && subject.is_char_boundary(at + mark.len()))
    {
        Some(mark) if rest(at)[..mark.len()].to_lowercase() == **mark => at + mark.len(),
        _ => at,
    }
}

/// `Re: `, `AW[2]: `.
fn prefix(text: &str) -> Option<usize> {
    let (head, _) = text.split_once(':')?;
    let word = head.trim().split(['[', '(']).next().unwrap_or_default();
    let number = head.trim()[word.len()..].chars().all(|c| c.is_ascii_digit() || "[]()".contains(c));
    let is_mark = number && ANSWERS.iter().any(|answer| word.eq_ignore_ascii_case(answer));
    is_mark.then(|| head.len() + 1 + text[head.len() + 1..].len() - text[head.len() + 1..].trim_start().len())
}

/// A whole line that stays: a separator.
pub(super) fn is_separator(line: &str) -> bool {
    let line = line.trim().trim_matches(['-', '_', ' ']).to_lowercase();
    SEPARATORS.contains(&line.as_str())
}

/// The header at the start of a line, with its colon.
pub(super) fn header(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    let bare = name.trim().trim_matches('*');
    HEADERS.contains(&bare).then(|| &line[..name.len() + 1])
}

/// Whether an introduction begins with these lines, how many of them it has, and its two words.
pub(super) fn introduction(lines: &[&str]) -> Option<(usize, [&'static str; 2])> {
    let unmarked = |line: &str| line.trim_start_matches(['>', ' ', '\t']).trim_end().to_owned();
    let first = unmarked(lines.first()?);
    let (opener, verb) = INTRODUCTIONS
        .iter()
        .find(|(opener, _)| first.strip_prefix(opener).is_some_and(|rest| rest.starts_with(' ')))?;
    let mut text = String::new();
    for (at, line) in lines.iter().take(4).enumerate() {
        text.push(' ');
        text.push_str(&unmarked(line));
        if text.ends_with(':') && text.contains(verb) {
            return Some((at + 1, [opener, verb]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_subject_are_told_from_its_words() {
        for (subject, marks) in [
            ("Re: order 7", "Re: "),
            ("AW: Re[2]: order", "AW: Re[2]: "),
            ("Automatic reply: order", "Automatic reply"),
            ("Re: Out of office until Monday", "Re: Out of office"),
            ("Refund: order", ""),
            ("order", ""),
            ("", ""),
            ("Re:", "Re:"),
            ("İstanbul", ""),
        ] {
            assert_eq!(&subject[..of_subject(subject)], marks, "{subject:?}");
        }
    }

    #[test]
    fn an_introduction_is_found_though_it_is_wrapped() {
        assert_eq!(
            introduction(&["> On 24 Feb, Ada <", "> ada@b.example> wrote:", "x"]),
            Some((2, ["On", "wrote"]))
        );
        assert_eq!(introduction(&["On Monday we wrote", "to you", "about", "this", "thing:"]), None);
        assert_eq!(introduction(&["Only Ada wrote:"]), None);
    }
}

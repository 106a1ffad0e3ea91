use super::{
    filler::{Filler, Letters},
    marks,
    people::People,
};

/// Scrubs texts.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) people: People,
    filler: Filler,
}

/// What may stand around an address or a link in a sentence.
const OPENING: &[char] = &['<', '(', '[', '"', '\'', '*'];
const CLOSING: &[char] = &['>', ')', ']', '"', '\'', '*', ',', ';', '.', ':', '!', '?'];

impl Text {
    /// A subject, with its `Re:` and the like.
    pub(super) fn subject(&mut self, subject: &str) -> String {
        let marks = marks::of_subject(subject);
        let (marks, words) = subject.split_at(marks);
        let mut scrubbed = marks.to_owned();
        self.words(words, &mut scrubbed);
        scrubbed
    }

    /// A body, line by line: a line that was quoted is the same again.
    pub(super) fn body(&mut self, body: &str) -> String {
        let lines: Vec<_> = body.split_inclusive('\n').collect();
        let mut scrubbed = String::with_capacity(body.len());
        let mut introduced = (0, ["", ""]);
        for (at, line) in lines.iter().enumerate() {
            if introduced.0 == 0 {
                introduced = marks::introduction(&lines[at..]).unwrap_or_default();
            }
            self.line(line, introduced.1, &mut scrubbed);
            introduced.0 = introduced.0.saturating_sub(1);
            if introduced.0 == 0 {
                introduced.1 = ["", ""];
            }
        }
        scrubbed
    }

    fn line(&mut self, line: &str, kept: [&str; 2], out: &mut String) {
        let words = line.trim_start_matches(['>', ' ', '\t']);
        out.push_str(&line[..line.len() - words.len()]);
        if marks::is_separator(words) {
            return out.push_str(words);
        }
        let header = marks::header(words).unwrap_or_default();
        out.push_str(header);
        let mut rest = &words[header.len()..];
        // The opener is the first word of its introduction, the verb the last: only there they are no words of the sender's.
        if let Some(behind) = rest.strip_prefix(kept[0]).filter(|rest| rest.starts_with(' ')) {
            out.push_str(kept[0]);
            rest = behind;
        }
        match rest.rfind(kept[1]).filter(|_| !kept[1].is_empty()) {
            Some(at) => {
                self.words(&rest[..at], out);
                out.push_str(kept[1]);
                self.words(&rest[at + kept[1].len()..], out);
            }
            None => self.words(rest, out),
        }
    }

    /// Words without any that stay.
    pub(super) fn words(&mut self, text: &str, out: &mut String) {
        let mut letters = self.filler.letters(text);
        for token in text.split_inclusive(char::is_whitespace) {
            let word = token.trim_end();
            self.word(word, &mut letters, out);
            out.extend(token[word.len()..].chars().filter_map(|c| letters.like(c)));
        }
    }

    fn word(&mut self, word: &str, letters: &mut Letters, out: &mut String) {
        let inner = word.trim_start_matches(OPENING);
        let (head, inner) = (&word[..word.len() - inner.len()], inner.trim_end_matches(CLOSING));
        let tail = &word[head.len() + inner.len()..];
        out.push_str(head);
        let address = inner.strip_prefix("mailto:").unwrap_or(inner);
        if address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.')) {
            out.push_str(&self.people.address(address));
        } else if inner.contains("://") || inner.starts_with("www.") {
            out.push_str("https://example.com/");
            let rest = inner.chars().count().saturating_sub("https://example.com/".len());
            out.extend(std::iter::repeat_n('x', rest.min(60)).filter_map(|c| letters.like(c)));
        } else {
            out.extend(inner.chars().filter_map(|c| letters.like(c)));
        }
        out.push_str(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Hello Bob,\n\nsee https://acme.example/orders/2847?who=ada and write to <Ada.Lovelace@acme.example>.\n\
        \nOn Tue, 24 Feb 2026 at 10:05, Bob <\nbob@corp.example> wrote:\n> Where is order 2847?\n\n\
        -----Original Message-----\nFrom: Bob Secret\nSubject: Zürich\n";

    #[test]
    fn nothing_of_the_words_is_left_and_all_of_the_shape_is() {
        let mut text = Text::default();
        let scrubbed = text.body(MAIL);
        for gone in ["Hello", "Bob", "acme", "2847", "ada", "Ada", "corp", "Where", "Secret", "Zürich", "Tue"]
        {
            assert!(!scrubbed.contains(gone), "{gone} is left in:\n{scrubbed}");
        }
        for kept in [
            "\nOn ",
            "> wrote:\n> ",
            "\n-----Original Message-----\nFrom: ",
            "\nSubject: ",
            "<person-1@example.com>.",
            "https://example.com/",
        ] {
            assert!(scrubbed.contains(kept), "{kept:?} is not in:\n{scrubbed}");
        }
        assert_eq!(scrubbed.lines().count(), MAIL.lines().count());
    }

    #[test]
    fn a_line_that_is_quoted_is_the_same_line_again() {
        let mut text = Text::default();
        let first = text.body("Where is order 2847?\n");
        let second = text.body("Well?\n\n> Where is order 2847?\n");
        assert!(second.ends_with(&format!("> {first}")), "{first:?} {second:?}");
        assert_ne!(text.body("Whose is order 9999?\n"), first);
        let subject = text.subject("Order 2847");
        assert_eq!(text.subject("Re: Order 2847"), format!("Re: {subject}"));
    }

    #[test]
    fn what_cannot_be_seen_is_not_carried_along() {
        let hidden: String =
            "hidden".chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c))).collect();
        assert_eq!(Text::default().body(&format!("{hidden}\u{200B}\u{7}")), "");
    }
}

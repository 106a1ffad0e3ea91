use std::borrow::Cow;
use std::cell::OnceCell;

use crate::model::{Address, Message};

/// The filters of a route, ready to match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filters {
    from: Vec<SenderPattern>,
    subject: Vec<Glob>,
}

impl Filters {
    /// Reads the patterns of a route; what cannot be read is handed to `refuse` with the reason.
    pub(super) fn parse(
        from: &[String],
        subject: &[String],
        mut refuse: impl FnMut(&'static str, &str, String),
    ) -> Self {
        let mut filters = Self::default();
        for text in from {
            match SenderPattern::parse(text) {
                Ok(pattern) => filters.from.push(pattern),
                Err(reason) => refuse("from", text, reason),
            }
        }
        for text in subject {
            match Glob::parse(text) {
                Ok(pattern) => filters.subject.push(pattern),
                Err(reason) => refuse("subject", text, reason),
            }
        }
        filters
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from.is_empty() && self.subject.is_empty()
    }

    pub(super) fn fit(&self, mail: &MailFacts<'_>) -> bool {
        (self.from.is_empty() || self.from.iter().any(|pattern| pattern.fits(mail)))
            && (self.subject.is_empty() || self.subject.iter().any(|glob| glob.fits_subject(mail)))
    }

    /// Whether it is certain that these fit every mail which the others fit.
    pub(super) fn cover(&self, others: &Self) -> bool {
        let from = self.from.is_empty() || contains_all(&self.from, &others.from);
        let any_subject = self.subject.is_empty() || self.subject.iter().any(Glob::is_anything);
        from && (any_subject || contains_all(&self.subject, &others.subject))
    }
}

fn contains_all<T: PartialEq>(all: &[T], some: &[T]) -> bool {
    !some.is_empty() && some.iter().all(|one| all.contains(one))
}

/// What the filters look at, folded once for all of them.
pub(super) struct MailFacts<'a> {
    message: Option<&'a Message>,
    address: OnceCell<Option<String>>,
    subjects: OnceCell<[String; 2]>,
}

impl<'a> MailFacts<'a> {
    pub(super) fn new(message: Option<&'a Message>) -> Self {
        Self { message, address: OnceCell::new(), subjects: OnceCell::new() }
    }

    fn address(&self) -> Option<&str> {
        let from = self.message.and_then(|message| message.from.as_ref());
        self.address.get_or_init(|| from.map(Address::as_str).map(folded)).as_deref()
    }

    /// The subject as it is, and without what answering and forwarding put in front of it.
    fn subjects(&self) -> &[String; 2] {
        let subject = self.message.and_then(|message| message.subject.as_deref()).unwrap_or_default().trim();
        self.subjects.get_or_init(|| [folded(subject), folded(without_prefixes(subject))])
    }
}

/// Whom a mail must come from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SenderPattern {
    glob: Glob,
    of_domain: bool,
}

impl SenderPattern {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>')) {
            return Err("write a bare address, such as `ada@example.com`, or a domain".to_owned());
        }
        let text = text.strip_prefix('@').unwrap_or(text);
        Ok(Self { glob: Glob::parse(text)?, of_domain: !text.contains('@') })
    }

    fn fits(&self, mail: &MailFacts<'_>) -> bool {
        let Some(address) = mail.address() else { return false };
        match self.of_domain {
            true => address.rsplit_once('@').is_some_and(|(_, domain)| self.glob.fits(domain)),
            false => self.glob.fits(address),
        }
    }
}

/// A pattern in which `*` and `{a,b}` have a meaning and nothing else has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob(String);

impl Glob {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("an empty pattern fits nothing: leave it out, or use `*`".to_owned());
        }
        let glob = translated(text);
        fast_glob::validate(&glob).map_err(|error| error.to_string())?;
        Ok(Self(glob))
    }

    fn fits(&self, folded: &str) -> bool {
        fast_glob::glob_match(&self.0, folded)
    }

    fn fits_subject(&self, mail: &MailFacts<'_>) -> bool {
        mail.subjects().iter().any(|subject| self.fits(subject))
    }

    fn is_anything(&self) -> bool {
        self.0 == "*"
    }
}

/// Says in the matcher's language what the pattern means in ours.
///
/// The matcher is made for paths: brackets, `?`, `!` and slashes mean something to it, while in a subject they are only
/// text (`[JIRA-7] 3/4 done?`).
fn translated(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) => push_literal(&mut glob, escaped),
                None => glob.push('\\'),
            },
            '*' if glob.ends_with('*') && !glob.ends_with("\\*") => {}
            '*' | '{' | '}' | ',' => glob.push(c),
            other => push_literal(&mut glob, other),
        }
    }
    glob
}

fn push_literal(glob: &mut String, c: char) {
    if matches!(c, '[' | ']' | '!' | '*' | '?' | '{' | '}' | ',') {
        glob.push('\\');
    }
    glob.extend(fold(c));
}

fn folded(text: &str) -> String {
    text.chars().flat_map(fold).collect()
}

/// Case does not matter, and what separates paths must be nothing special.
fn fold(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        '/' => '\u{1}',
        '\\' => '\u{2}',
        other => other,
    };
    plain.to_lowercase()
}

/// What mail programs put in front of a subject, in the languages that do not use `Re` and `Fwd` alone.
const PREFIXES: [&str; 12] = ["re", "fwd", "fw", "aw", "antw", "wg", "sv", "vs", "tr", "rv", "vb", "odp"];

fn without_prefixes(mut subject: &str) -> &str {
    while let Some((prefix, rest)) = subject.split_once(':') {
        let prefix: Cow<'_, str> = prefix.trim().to_lowercase().into();
        if !PREFIXES.contains(&&*prefix) {
            break;
        }
        subject = rest.trim_start();
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, subject: &str) -> Message {
        let mut message = Message::new("msg_1");
        message.from = from.parse().ok();
        message.subject = Some(subject.to_owned());
        message
    }

    fn from_fits(pattern: &str, address: &str) -> bool {
        let filters = Filters::parse(&[pattern.to_owned()], &[], |_, _, reason| panic!("{reason}"));
        filters.fit(&MailFacts::new(Some(&mail(address, ""))))
    }

    fn subject_fits(pattern: &str, subject: &str) -> bool {
        let filters = Filters::parse(&[], &[pattern.to_owned()], |_, _, reason| panic!("{reason}"));
        filters.fit(&MailFacts::new(Some(&mail("", subject))))
    }

    #[test]
    fn without_an_at_sign_a_sender_pattern_speaks_of_the_domain() {
        for pattern in
            ["example.com", "@example.com", "EXAMPLE.*", "{example.com,example.org}", "*@example.com"]
        {
            assert!(from_fits(pattern, "Ada <ada@Example.COM>"), "{pattern}");
        }
        assert!(from_fits("*.example.com", "ada@mail.example.com"));
        assert!(!from_fits("*.example.com", "ada@example.com"));
        assert!(!from_fits("example.com", "ada@mail.example.com"));
        assert!(!from_fits("example.com", "example.com@evil.example"));
        assert!(!from_fits("*", "not an address"));
    }

    #[test]
    fn with_an_at_sign_it_speaks_of_the_address() {
        assert!(from_fits("billing-*@example.com", "Billing-7@example.com"));
        assert!(!from_fits("ada@example.com", "bob@example.com"));
        assert!(from_fits("{ada,bob}@*", "ada@example.com"));
    }

    #[test]
    fn a_subject_fits_as_a_whole_and_without_regard_to_case() {
        assert!(subject_fits("*invoice*", "Your INVOICE of May"));
        assert!(!subject_fits("invoice", "Your invoice"));
        assert!(subject_fits("*ÜBER*", "alles über alles"));
        assert!(subject_fits("{wo,wann}*?", "Wo ist es?") && !subject_fits("who?", "whom"));
        assert!(subject_fits("*", ""));
    }

    #[test]
    fn slashes_brackets_and_exclamation_marks_are_only_text() {
        assert!(subject_fits("[JIRA-7]*", "[JIRA-7] 3/4 done!"));
        assert!(subject_fits("*done!", "[JIRA-7] 3/4 done!"));
        assert!(subject_fits("!*", "!urgent") && !subject_fits("!*", "urgent"));
        assert!(subject_fits("** done", "a/b\\c done"));
        assert!(subject_fits(r"2 \* 2 \{x\}", "2 * 2 {X}") && !subject_fits(r"\*", "x"));
    }

    #[test]
    fn answers_to_a_mail_fit_what_the_mail_fitted() {
        for subject in ["invoice 7", "Re: Invoice 7", "AW: Fwd: re : invoice 7"] {
            assert!(subject_fits("invoice*", subject), "{subject}");
        }
        assert!(subject_fits("re: *", "Re: hello") && !subject_fits("re: *", "hello"));
        assert!(!subject_fits("hello", "Note: hello"));
    }

    #[test]
    fn what_can_never_fit_is_refused() {
        for pattern in ["", "  ", "{a,b", "trailing\\"] {
            assert!(Glob::parse(pattern).is_err(), "{pattern:?}");
        }
        assert!(SenderPattern::parse("Ada <ada@example.com>").is_err());
        assert!(SenderPattern::parse("@").is_err());
    }
}

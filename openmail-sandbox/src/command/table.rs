//! What became of the mails of a replay, to be read.

use std::{fmt::Write as _, time::Duration};

use openmail_sandbox::recording::RecordedMail;

/// What an agent made of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was answered, after this long.
    Answered(Duration),
    /// It is one that machines leave alone, or a harmful one.
    LeftAlone,
    /// Its conversation was marked read, and nothing said.
    Read,
    /// Nothing came of it.
    Unanswered,
}

impl Fate {
    fn words(self) -> (&'static str, String) {
        match self {
            Self::Answered(after) => ("answered", seconds(after)),
            Self::LeftAlone => ("not to be answered", String::new()),
            Self::Read => ("read, not answered", String::new()),
            Self::Unanswered => ("NOT ANSWERED", String::new()),
        }
    }
}

/// A row for each mail.
pub(crate) fn table(mails: &[RecordedMail], fates: &[Fate]) -> String {
    let mut table =
        format!("{:>4}  {:>9}  {:<28}  {:<32}  {:<18}  {:>8}\n", "", "at", "from", "subject", "", "after");
    for (number, (mail, fate)) in (1..).zip(mails.iter().zip(fates)) {
        let (word, after) = fate.words();
        let (at, from) = (seconds(mail.after()), cell(&mail.from, 28));
        let subject = cell(mail.subject.as_deref().unwrap_or_default(), 32);
        // Writing to a text cannot fail.
        writeln!(table, "{number:>4}  {at:>9}  {from:<28}  {subject:<32}  {word:<18}  {after:>8}").ok();
    }
    table
}

/// All of it in a line.
pub(crate) fn summary(threads: usize, fates: &[Fate]) -> String {
    let mut latencies: Vec<_> = fates
        .iter()
        .filter_map(|fate| match fate {
            Fate::Answered(after) => Some(*after),
            _ => None,
        })
        .collect();
    latencies.sort();
    let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
    let mut line =
        format!("{} mail(s) of {threads} conversation(s): {} answered", fates.len(), latencies.len());
    if let (Some(median), Some(slowest)) = (latencies.get(latencies.len() / 2), latencies.last()) {
        write!(line, " (median {}, slowest {})", seconds(*median), seconds(*slowest)).ok();
    }
    for (fate, words) in [
        (Fate::LeftAlone, "not to be answered"),
        (Fate::Read, "read and not answered"),
        (Fate::Unanswered, "NOT ANSWERED"),
    ] {
        if count(fate) > 0 {
            write!(line, ", {} {words}", count(fate)).ok();
        }
    }
    line
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 if !duration.is_zero() => format!("{} ms", duration.as_millis()),
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        more => format!("{}:{:02}:{:02}", more / 3600, more / 60 % 60, more % 60),
    }
}

/// A stranger's words, cut to size, and with nothing in them that a terminal obeys.
fn cell(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect();
    if text.chars().count() > most {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_what_there_is() {
        let answered = |seconds| Fate::Answered(Duration::from_secs(seconds));
        let line = summary(2, &[answered(3), Fate::LeftAlone, answered(1), answered(70), Fate::Unanswered]);
        assert_eq!(
            line,
            "5 mail(s) of 2 conversation(s): 3 answered (median 3.0 s, slowest 0:01:10), 1 not to be answered, 1 NOT ANSWERED"
        );
        assert_eq!(summary(0, &[]), "0 mail(s) of 0 conversation(s): 0 answered");
    }

    #[test]
    fn a_stranger_s_words_command_no_terminal() {
        assert_eq!(cell("a\u{1b}[2Jb\n", 9), "a [2Jb ");
        assert_eq!(cell("abcdef", 4), "abc…");
    }
}

use std::borrow::Cow;

use super::intro::{Intro, forwards, intro, is_separator, outlook_block};

/// The most lines a signature has that is announced by `--` alone.
const SIGNATURE_LINES: usize = 10;

/// The part of a mail's text that its sender wrote now.
///
/// Without lines quoted with `>`, introductions such as "On …, Ada wrote:" (English, German, French, Spanish, Italian,
/// Dutch, Portuguese; wrapped or not) and the history under them, Outlook's header blocks, "-----Original Message-----",
/// and the signature below `-- `. Answers written between quoted lines stay, and so does a forwarded mail. Where nothing
/// would be left, the whole text is given.
///
/// ```
/// # use openmail_agent::wire::text::new_text;
/// let mail = "Yes, please.\n\nOn Tue, 24 Feb 2026 at 10:05, Bot <bot@a.example> wrote:\n> Shall I?\n";
/// assert_eq!(new_text(mail), "Yes, please.");
/// ```
#[must_use]
pub fn new_text(text: &str) -> Cow<'_, str> {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut kept = kept(&lines);
    while kept.pop_if(|at| lines[*at].trim().is_empty()).is_some() {}
    let written = match contiguous(&kept) {
        // The usual case: an answer above its history is a prefix of the text.
        Some(end) => Cow::Borrowed(prefix(text, end).trim()),
        None => {
            let lines: Vec<_> = kept.iter().map(|&at| lines[at]).collect();
            Cow::Owned(lines.join("\n").trim().to_owned())
        }
    };
    if written.is_empty() { Cow::Borrowed(text.trim()) } else { written }
}

/// The numbers of the lines that were written now.
fn kept(lines: &[&str]) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let rest = &lines[at..];
        if forwards(lines[at]) {
            kept.extend(at..lines.len());
            break;
        }
        if is_separator(lines[at]) || outlook_block(rest) || is_signature(rest) {
            break;
        }
        match intro(rest) {
            Some(Intro::ToQuote(lines)) => at += lines,
            Some(Intro::ToHistory) => break,
            None => {
                if !lines[at].trim_start().starts_with('>') {
                    kept.push(at);
                }
                at += 1;
            }
        }
    }
    kept
}

/// How many lines from the start were kept, when nothing was taken out between them.
fn contiguous(kept: &[usize]) -> Option<usize> {
    let blocks = kept.iter().enumerate().all(|(index, &at)| index == at);
    blocks.then_some(kept.len())
}

fn prefix(text: &str, lines: usize) -> &str {
    text.match_indices('\n')
        .nth(lines.wrapping_sub(1))
        .map_or(if lines == 0 { "" } else { text }, |(end, _)| &text[..end])
}

/// A line of `-- `, or one that lost its space on the way and has little below it.
fn is_signature(rest: &[&str]) -> bool {
    match rest[0] {
        "-- " => true,
        "--" => rest[1..]
            .iter()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('>'))
            .nth(SIGNATURE_LINES)
            .is_none(),
        _ => false,
    }
}

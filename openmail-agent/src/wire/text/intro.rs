/// What stands above quoted history, by mail program and language.
pub(super) enum Intro {
    /// Lines of introduction, and quoted lines below: there may be answers between them.
    ToQuote(usize),
    /// An introduction to history that is not marked line by line: all the rest.
    ToHistory,
}

/// How an introduction begins, and the verb it has.
const INTRODUCTIONS: &[(&str, &str)] = &[
    ("On ", " wrote"),
    ("Am ", " schrieb"),
    ("Le ", " a écrit"),
    ("El ", " escribió"),
    ("Il ", " ha scritto"),
    ("Op ", " schreef"),
    ("Em ", " escreveu"),
];

/// The most lines and bytes an introduction has, wrapped as it may be.
const LINES: usize = 4;
const BYTES: usize = 500;

/// The introduction at the start of these lines, such as "On Tue, 24 Feb 2026, Ada wrote:".
pub(super) fn intro(lines: &[&str]) -> Option<Intro> {
    let first = lines[0].trim_start();
    let (_, verb) = INTRODUCTIONS.iter().find(|(start, _)| first.starts_with(start))?;
    let mut text = String::new();
    for (index, line) in lines.iter().take(LINES).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('>') || text.len() + line.len() > BYTES {
            return None;
        }
        text.push(' ');
        text.extend(line.chars().map(|c| if c.is_whitespace() { ' ' } else { c }));
        // Without a date in it, it is a sentence of the sender's.
        if text.ends_with(':') && text.contains(verb) && text.contains(|c: char| c.is_ascii_digit()) {
            return Some(below(&lines[index + 1..], index + 1));
        }
    }
    None
}

fn below(rest: &[&str], intro: usize) -> Intro {
    match rest.iter().find(|line| !line.trim().is_empty()) {
        Some(line) if line.trim_start().starts_with('>') => Intro::ToQuote(intro),
        _ => Intro::ToHistory,
    }
}

/// A line of dashes around "Original Message".
pub(super) fn is_separator(line: &str) -> bool {
    const NAMES: &[&str] = &[
        "original message",
        "ursprüngliche nachricht",
        "original-nachricht",
        "message d'origine",
        "message original",
        "mensaje original",
        "messaggio originale",
        "oorspronkelijk bericht",
        "mensagem original",
    ];
    inside_dashes(line).is_some_and(|name| NAMES.contains(&name.as_str()))
}

/// A line that begins a forwarded mail: what follows is what the sender wants to be read.
pub(super) fn forwards(line: &str) -> bool {
    const NAMES: &[&str] = &[
        "forwarded message",
        "weitergeleitete nachricht",
        "message transféré",
        "mensaje reenviado",
        "messaggio inoltrato",
        "doorgestuurd bericht",
        "mensagem encaminhada",
    ];
    let begins = line.trim().to_lowercase();
    begins == "begin forwarded message:"
        || inside_dashes(line).is_some_and(|name| NAMES.contains(&name.as_str()))
}

fn inside_dashes(line: &str) -> Option<String> {
    let line = line.trim();
    let dashed = line.len() < 200 && line.starts_with("--") && line.ends_with("--");
    dashed.then(|| line.trim_matches('-').trim().to_lowercase().replace('’', "'"))
}

const FROM: &[&str] = &["from", "von", "de", "da", "van"];
const SUBJECT: &[&str] = &["subject", "betreff", "objet", "asunto", "oggetto", "onderwerp", "assunto"];
const OTHERS: &[&str] = &[
    "sent",
    "date",
    "to",
    "gesendet",
    "datum",
    "an",
    "envoyé",
    "à",
    "enviado",
    "fecha",
    "para",
    "inviato",
    "data",
    "a",
    "verzonden",
    "aan",
];

/// Whether Outlook's header block (From, Sent, To, Subject) begins here.
///
/// The subject is asked for, since "From: Berlin, To: Paris, Date: 3 May" is what a traveller writes.
pub(super) fn outlook_block(lines: &[&str]) -> bool {
    let rule = lines[0].len() >= 20 && lines[0].bytes().all(|byte| byte == b'_');
    let block = if rule { &lines[1..] } else { lines };
    if !block.first().is_some_and(|line| has_label(line, FROM)) {
        return false;
    }
    let headers = || block.iter().skip(1).take(10).take_while(|line| !line.trim().is_empty());
    headers().any(|line| has_label(line, SUBJECT)) && headers().any(|line| has_label(line, OTHERS))
}

/// Whether the line is a header of one of these names, in bold or not: `*From:* Ada`.
fn has_label(line: &str, names: &[&str]) -> bool {
    let line = line.trim_start().trim_start_matches('*');
    let Some((label, _)) = line.split_once(':') else { return false };
    let label = label.trim_matches(|c: char| c == '*' || c.is_whitespace());
    label.len() <= 16 && names.contains(&label.to_lowercase().as_str())
}

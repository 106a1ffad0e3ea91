//! What can be said of the values without knowing the account. The rest is found when the program starts.

use std::time::Duration;

use mailparse::MailAddr;

use crate::mistakes::Mistakes;
use crate::settings::{Settings, Texts};

/// The kinds of events there are today; others may come.
const KNOWN_EVENTS: [&str; 6] = [
    "message.received",
    "inbox.suspended",
    "inbox.reactivated",
    "pod.suspended",
    "pod.reactivated",
    "reply.failed",
];

/// Finds keys that contradict each other.
pub(crate) fn together(settings: &Settings, mistakes: &mut Mistakes) {
    let selections = [&settings.inbox, &settings.external_id, &settings.pod];
    let mut given = selections.iter().filter_map(|texts| texts.key.as_ref());
    if let Some(first) = given.next() {
        for key in given {
            mistakes.on(key, format!("`{first}` has chosen the inboxes already: keep `{first}` or `{key}`"));
        }
    }
    let filters = [&settings.from, &settings.subject];
    let filters = filters.iter().filter_map(|texts| texts.key.as_ref());
    for key in filters {
        if let Some(event) = settings.event.values.iter().find(|event| event.value() != "message.received") {
            let event = event.value();
            mistakes
                .on(key, format!("`{event}` is no mail and has no `{key}`: leave out `{key}` or `event`"));
        }
        if settings.fallback.is_some() {
            mistakes.on(key, format!("a fallback takes whatever is left: leave out `{key}` or `fallback`"));
        }
    }
    of_pods(settings, mistakes);
}

/// An event of a whole pod is about none of its inboxes.
fn of_pods(settings: &Settings, mistakes: &mut Mistakes) {
    let Some(event) =
        settings.event.values.iter().map(syn::LitStr::value).find(|event| event.starts_with("pod."))
    else {
        return;
    };
    for Texts { key, .. } in [&settings.inbox, &settings.external_id] {
        if let Some(key) = key {
            mistakes.on(
                key,
                format!("`{event}` is about a whole pod and never about one inbox: choose by `pod`, or leave out `{key}`"),
            );
        }
    }
}

pub(crate) fn inbox(text: &str) -> Result<(), String> {
    const FORMS: &str = "write an address such as `support@acme.openmail.sh`, an id such as `inb_8f3a`, or `$name` for one that the configuration binds";
    if let Some(name) = text.strip_prefix('$') {
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return match name {
            "" => Err("`$` needs a name behind it, such as `$support`".to_owned()),
            name if name.eq_ignore_ascii_case("id") => {
                Err("`$id` is taken: OPENMAIL_INBOX_ID names the only inbox to serve".to_owned())
            }
            name if is_name(name) => Ok(()),
            _ => Err(format!(
                "`{name}` is not a name: use letters, digits and `_`, as in OPENMAIL_INBOX_SUPPORT"
            )),
        };
    }
    match text {
        "" => Err(format!("an empty inbox: {FORMS}")),
        text if text.contains(char::is_whitespace) => Err(format!("an inbox has no spaces: {FORMS}")),
        text if text.contains('@') && !is_address(text) => {
            Err(format!("`{text}` is not a mail address: {FORMS}"))
        }
        _ => Ok(()),
    }
}

fn is_address(text: &str) -> bool {
    let Ok(list) = mailparse::addrparse(text) else { return false };
    match list.as_slice() {
        [MailAddr::Single(one)] => match one.addr.split_once('@') {
            Some((local, domain)) => {
                one.display_name.is_none() && !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            }
            None => false,
        },
        _ => false,
    }
}

pub(crate) fn name(text: &str) -> Result<(), String> {
    match text.trim() {
        "" => Err("it is empty: write the name, or leave the key out".to_owned()),
        trimmed if trimmed != text => Err("it has spaces around it: remove them".to_owned()),
        _ => Ok(()),
    }
}

pub(crate) fn event(text: &str) -> Result<(), String> {
    if KNOWN_EVENTS.contains(&text) {
        return Ok(());
    }
    if let Some(near) = nearest(text, KNOWN_EVENTS.into_iter()) {
        return Err(format!("there is no event `{text}`: did you mean `{near}`?"));
    }
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_part);
    match text.contains('.') && text.split('.').all(is_word) {
        true => Ok(()),
        false => Err(format!("`{text}` is not a kind of event: write it like `message.received`")),
    }
}

pub(crate) fn sender(text: &str) -> Result<(), String> {
    if text.contains(['<', '>']) || text.trim().contains(char::is_whitespace) {
        return Err(
            "write a bare address, such as `ada@example.com`, or a domain, such as `example.com`".to_owned()
        );
    }
    match text.trim() {
        "@" => Err("`@` needs a domain behind it, such as `example.com`".to_owned()),
        text => pattern(text),
    }
}

pub(crate) fn pattern(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("an empty pattern fits nothing: leave it out, or write `*`".to_owned());
    }
    // Brackets mean themselves here, while the matcher would take them for a class.
    let text = text.trim().replace(['[', ']'], "x");
    fast_glob::validate(&text).map_err(|error| match error.kind {
        fast_glob::ErrorKind::UnclosedBrace => {
            "a `{` is never closed: write `{a,b}` for one of these, or `\\\\{` for the brace itself"
                .to_owned()
        }
        fast_glob::ErrorKind::TrailingBackslash => {
            "a `\\` at the end takes the meaning of nothing away: write `\\\\\\\\` for the backslash itself"
                .to_owned()
        }
        _ => "too many braces for one pattern: write several, as in `[\"..\", \"..\"]`".to_owned(),
    })
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err("in no time it can do nothing: give it some, or leave `timeout` out".to_owned())
        }
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("`{text}` is not a length of time: write it like `30s`, `5m` or `1h 30m`")),
    }
}

/// The name that a slip of the pen made this of.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let slip = 2.min(text.len() / 2);
    names
        .map(|name| (strsim::damerau_levenshtein(name, &text.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= slip)
        .min()
        .map(|(_, name)| name)
}

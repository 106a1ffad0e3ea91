use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitInt, LitStr, Path, Token};

use crate::check;
use crate::mistakes::Mistakes;

/// The keys of the attribute, each as it is written properly.
const KEYS: [(&str, &str); 12] = [
    ("inbox", "inbox = \"support@acme.openmail.sh\""),
    ("external_id", "external_id = \"user_abc123\""),
    ("pod", "pod = \"pod_1\""),
    ("event", "event = \"inbox.suspended\""),
    ("from", "from = \"example.com\""),
    ("subject", "subject = \"*invoice*\""),
    ("fallback", "fallback"),
    ("timeout", "timeout = \"30s\""),
    ("retries", "retries = 3"),
    ("concurrency", "concurrency = 4"),
    ("name", "name = \"billing-support\""),
    ("crate", "crate = \"my_framework::openmail_agent\""),
];

/// What the attribute says.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) inbox: Texts,
    pub(crate) external_id: Texts,
    pub(crate) pod: Texts,
    pub(crate) event: Texts,
    pub(crate) from: Texts,
    pub(crate) subject: Texts,
    pub(crate) fallback: Option<Span>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) name: Option<LitStr>,
    /// Where `openmail_agent` is, if not there.
    pub(crate) krate: Option<Path>,
}

/// The texts of a key that takes several.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) key: Option<Ident>,
    pub(crate) values: Vec<LitStr>,
}

impl Settings {
    /// Reads the attribute's arguments; what is wrong with them is added to the mistakes.
    pub(crate) fn parse(arguments: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut settings = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        for piece in split_at_commas(arguments) {
            match parse_setting.parse2(piece) {
                Ok((key, _)) if seen.contains(&key) => mistakes.on(&key, given_twice(&key)),
                Ok((key, value)) => {
                    settings.set(&key, value, mistakes);
                    seen.push(key);
                }
                Err(error) => mistakes.push(error),
            }
        }
        check::together(&settings, mistakes);
        settings
    }

    fn set(&mut self, key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) {
        match key.to_string().as_str() {
            "inbox" => self.inbox.set(key, value, check::inbox, mistakes),
            "external_id" => self.external_id.set(key, value, check::name, mistakes),
            "pod" => self.pod.set(key, value, check::name, mistakes),
            "event" => self.event.set(key, value, check::event, mistakes),
            "from" => self.from.set(key, value, check::sender, mistakes),
            "subject" => self.subject.set(key, value, check::pattern, mistakes),
            "fallback" => match value {
                None => self.fallback = Some(key.span()),
                Some(value) => {
                    mistakes.on(value, "`fallback` stands alone: write `fallback`, or leave it out")
                }
            },
            "timeout" => self.timeout = duration(key, value, mistakes),
            "retries" => self.retries = number(key, value, mistakes),
            "concurrency" => self.concurrency = concurrency(key, value, mistakes),
            "name" => self.name = name(key, value, mistakes),
            "crate" => self.krate = path(key, value, mistakes),
            _ => mistakes.on(key, unknown(key)),
        }
    }
}

impl Texts {
    /// Takes the one or the several texts that the value is, as far as they pass the check.
    fn set(
        &mut self,
        key: &Ident,
        value: Option<Expr>,
        check: fn(&str) -> Result<(), String>,
        mistakes: &mut Mistakes,
    ) {
        self.key = Some(key.clone());
        let values = match value {
            Some(Expr::Array(array)) if array.elems.is_empty() => {
                return mistakes.on(array, format!("an empty list: {}", write_instead(key)));
            }
            Some(Expr::Array(array)) => array.elems.into_iter().collect(),
            Some(value) => vec![value],
            None => return mistakes.on(key, write_instead(key)),
        };
        for value in values {
            match value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match check(&text.value()) {
                    Ok(()) => self.values.push(text),
                    Err(reason) => mistakes.on(text, reason),
                },
                other => mistakes.on(other, format!("`{key}` is text in quotes: {}", write_instead(key))),
            }
        }
    }
}

/// Pieces between commas, so that a mistake in one hides none in the next.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut pieces = vec![TokenStream::new()];
    for token in tokens {
        match (token, pieces.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => pieces.push(TokenStream::new()),
            (token, Some(last)) => last.extend([token]),
            (_, None) => {}
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// `key`, or `key = value`.
fn parse_setting(input: ParseStream<'_>) -> syn::Result<(Ident, Option<Expr>)> {
    if !input.peek(Ident::peek_any) {
        let message = format!("expected a key in front of this, such as `{}`", KEYS[0].1);
        return Err(input.error(message));
    }
    let key = input.call(Ident::parse_any)?;
    if example(&key).is_none() {
        // Whatever follows belongs to a key that does not exist.
        input.parse::<TokenStream>()?;
        return Ok((key, None));
    }
    if input.is_empty() {
        return Ok((key, None));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(write_instead(&key)));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(syn::Error::new(key.span(), format!("`{key}` has no value: {}", write_instead(&key))));
    }
    let value = input.parse()?;
    match input.is_empty() {
        true => Ok((key, Some(value))),
        false => Err(input.error("expected a comma in front of this")),
    }
}

fn duration(key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => text,
        Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            let digits = number.base10_digits();
            mistakes.on(&number, format!("`timeout` is text with a unit: write `timeout = \"{digits}s\"`"));
            return None;
        }
        Some(other) => {
            mistakes.on(other, format!("`{key}` is text with a unit: {}", write_instead(key)));
            return None;
        }
        None => {
            mistakes.on(key, write_instead(key));
            return None;
        }
    };
    check::duration(&text.value()).map_err(|reason| mistakes.on(&text, reason)).ok()
}

fn name(key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) -> Option<LitStr> {
    let text = text(key, value, mistakes)?;
    check::name(&text.value()).map_err(|reason| mistakes.on(&text, reason)).ok()?;
    Some(text)
}

fn path(key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) -> Option<Path> {
    let text = text(key, value, mistakes)?;
    let wrong = |_| mistakes.on(&text, format!("this is no path of a crate: {}", write_instead(key)));
    text.parse_with(Path::parse_mod_style).map_err(wrong).ok()
}

/// One text in quotes.
fn text(key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) -> Option<LitStr> {
    match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => return Some(text),
        Some(other) => mistakes.on(other, format!("`{key}` is text in quotes: {}", write_instead(key))),
        None => mistakes.on(key, write_instead(key)),
    }
    None
}

fn concurrency(key: &Ident, value: Option<Expr>, mistakes: &mut Mistakes) -> Option<usize> {
    let literal = value.clone();
    let number = number(key, value, mistakes)?;
    if number == 0 {
        mistakes.on(literal, "with a concurrency of zero it never runs: write 1 or more, or leave it out");
        return None;
    }
    Some(number)
}

fn number<N: std::str::FromStr<Err: std::fmt::Display>>(
    key: &Ident,
    value: Option<Expr>,
    mistakes: &mut Mistakes,
) -> Option<N> {
    let Some(value) = value else {
        mistakes.on(key, write_instead(key));
        return None;
    };
    let wrong = format!("`{key}` is a whole number without quotes: {}", write_instead(key));
    match &value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => in_range(number, mistakes),
        other => {
            mistakes.on(other, wrong);
            None
        }
    }
}

fn in_range<N: std::str::FromStr<Err: std::fmt::Display>>(
    number: &LitInt,
    mistakes: &mut Mistakes,
) -> Option<N> {
    number.base10_parse().map_err(|error| mistakes.push(error)).ok()
}

fn example(key: &Ident) -> Option<&'static str> {
    KEYS.iter().find(|(name, _)| key == name).map(|(_, example)| *example)
}

fn write_instead(key: &Ident) -> String {
    format!("write it like `{}`", example(key).unwrap_or_default())
}

fn given_twice(key: &Ident) -> String {
    let takes_several = ["inbox", "external_id", "pod", "event", "from", "subject"];
    match takes_several.iter().any(|name| key == name) {
        true => format!("`{key}` is given twice: for several write `{key} = [\"..\", \"..\"]`"),
        false => format!("`{key}` is given twice: remove one"),
    }
}

fn unknown(key: &Ident) -> String {
    let name = key.to_string();
    let names = KEYS.iter().map(|(name, _)| *name);
    match check::nearest(&name, names.clone()) {
        Some(near) => format!("there is no key `{name}`: did you mean `{near}`?"),
        None => {
            let all: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            format!("there is no key `{name}`; there are {}", all.join(", "))
        }
    }
}

mod entries;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use mailparse::{MailAddr, MailAddrList, SingleInfo, addrparse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use entries::entries;

/// One mail address, with the name in front of it where there was one.
///
/// Two addresses are equal when their mailboxes are, whatever their names: the domain without regard to case
/// ([RFC 5321 §2.4](https://www.rfc-editor.org/rfc/rfc5321#section-2.4)), and the local part likewise, since every
/// provider in practice delivers it so and a loop guard must not be fooled by a capital.
///
/// `Debug` shows only the domain: addresses stay out of logs unless `Display` is asked for.
///
/// ```
/// # use openmail_agent::model::Address;
/// let ada: Address = r#""Lovelace, Ada" <Ada@Example.com>"#.parse()?;
/// assert_eq!(ada.name(), Some("Lovelace, Ada"));
/// assert_eq!(ada.as_str(), "Ada@Example.com");
/// assert_eq!(ada, "ada@example.com".parse()?);
/// # Ok::<(), openmail_agent::model::AddressError>(())
/// ```
#[derive(Clone)]
pub struct Address {
    name: Option<Arc<str>>,
    mailbox: Arc<str>,
    at: usize,
}

impl Address {
    /// Reads a list such as a `To` header has, groups flattened; empty text is an empty list.
    ///
    /// # Errors
    ///
    /// When any part of the list is not an address.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        if let Some(one) = Self::quoted(text) {
            return Ok(vec![one]);
        }
        Self::flatten(addrparse(text).map_err(|_| AddressError)?).collect()
    }

    /// Reads a list and leaves out what is not an address: for copies of mail from elsewhere, where one broken entry
    /// must not cost the others. Of an entry whose name breaks the grammar, as `Ada :) <ada@example.com>` does, the mailbox in
    /// brackets at its end counts.
    #[must_use]
    pub fn parse_list_lossy(text: &str) -> Vec<Self> {
        if let Some(one) = Self::plain(text).or_else(|| Self::quoted(text)) {
            return vec![one];
        }
        let parsed = addrparse(text).map(|list| Self::flatten(list).collect::<Vec<_>>());
        let is_sound = parsed.as_ref().is_ok_and(|list| list.iter().all(Result::is_ok));
        let whole: Vec<_> = parsed.into_iter().flatten().flatten().collect();
        if is_sound {
            return whole;
        }
        let apart = entries(text).filter_map(|entry| entry.parse().ok().or_else(|| Self::at_the_end(entry)));
        let apart: Vec<_> = apart.collect();
        if apart.len() > whole.len() { apart } else { whole }
    }

    /// The one who wrote a mail, by its `From`. A name may say anything, also other addresses, and may have lost its quotes on the
    /// way here: where the text ends with a mailbox in brackets, that is who wrote it; else it is one address, or nobody's.
    pub(crate) fn sender(text: &str) -> Option<Self> {
        let one = Self::plain(text).or_else(|| text.parse().ok());
        one.filter(|one| one.ends(text)).or_else(|| Self::at_the_end(text))
    }

    /// Whether the text ends with this mailbox, where it ends with brackets at all.
    fn ends(&self, text: &str) -> bool {
        let Some(named) = text.trim_end().strip_suffix('>') else { return true };
        named.trim_end().strip_suffix(self.as_str()).is_some_and(|named| named.trim_end().ends_with('<'))
    }

    /// The bare address, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.mailbox
    }

    /// The display name, where one was written.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.mailbox[..self.at]
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.mailbox[self.at + 1..]
    }

    /// An address in the form that almost all have, `ada@example.com` or `Ada Lovelace <ada@example.com>`; `None` where a
    /// look at the grammar is needed.
    fn plain(text: &str) -> Option<Self> {
        let (name, mailbox) = match text.strip_suffix('>') {
            Some(named) => named.split_once('<')?,
            None => ("", text),
        };
        let at = mailbox.find('@')?;
        let (local, domain) = (&mailbox[..at], &mailbox[at + 1..]);
        if !is_dot_atom(local) || !is_dot_atom(domain) {
            return None;
        }
        let name = name.trim_matches(' ');
        let is_words =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ') && !name.contains("  ");
        is_words.then(|| Self { name: (!name.is_empty()).then(|| name.into()), mailbox: mailbox.into(), at })
    }

    /// An address with a local part in quotes and nothing around it, which the grammar of lists takes for a name.
    fn quoted(text: &str) -> Option<Self> {
        let mailbox = text.trim();
        let at = mailbox.rfind('@')?;
        let (local, domain) = (&mailbox[..at], &mailbox[at + 1..]);
        let is_one = is_quoted(local) && !local.chars().any(char::is_control) && is_dot_atom(domain);
        is_one.then(|| Self { name: None, mailbox: mailbox.into(), at })
    }

    /// The mailbox in brackets at the very end of an entry, behind whatever stands there for a name.
    fn at_the_end(entry: &str) -> Option<Self> {
        let (name, mailbox) = entry.trim_end().strip_suffix('>')?.rsplit_once('<')?;
        let bare: Self = mailbox.parse().ok()?;
        // Neither in a group nor beside a comment: nothing but what is written between the brackets.
        if bare.as_str() != mailbox.trim() {
            return None;
        }
        let name = name.replace(|c: char| c.is_control(), " ").replace(['"', '\\'], "");
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Self { name: (!name.is_empty()).then(|| name.into()), ..bare })
    }

    fn flatten(list: MailAddrList) -> impl Iterator<Item = Result<Self, AddressError>> {
        list.into_inner()
            .into_iter()
            .flat_map(|entry| match entry {
                MailAddr::Single(one) => vec![one],
                MailAddr::Group(group) => group.addrs,
            })
            .map(|one| Self::from_parsed(&one))
    }

    fn from_parsed(parsed: &SingleInfo) -> Result<Self, AddressError> {
        let name = parsed.display_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Ok(Self { name: name.map(Arc::from), ..Self::bare(parsed.addr.trim())? })
    }

    /// The address that is this mailbox, with nothing around it.
    fn bare(mailbox: &str) -> Result<Self, AddressError> {
        let at = mailbox.rfind('@').ok_or(AddressError)?;
        let (local, domain) = (&mailbox[..at], &mailbox[at + 1..]);
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';');
        let quoted = is_quoted(local);
        // Without quotes, these would make something else of the address wherever it is read next, such as a group.
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ':');
        let literal = domain.starts_with('[') && domain.ends_with(']');
        if local.is_empty()
            || domain.is_empty()
            || !domain.chars().all(|c| plain(c) && (literal || !special(c)))
        {
            return Err(AddressError);
        }
        if !quoted && !local.chars().all(|c| plain(c) && !special(c) && c != '@') {
            return Err(AddressError);
        }
        if quoted && Self::quoted(mailbox).is_none() {
            return Err(AddressError);
        }
        Ok(Self { name: None, mailbox: mailbox.into(), at })
    }

    /// An address as it is serialised here. The grammar of lists would not read every one of them again, such as
    /// `"Ada" <"a>b"@example.com>`.
    fn serialised(text: &str) -> Option<Self> {
        let Some(quoted) = text.strip_prefix('"').filter(|_| text.ends_with('>')) else {
            return Self::bare(text).ok();
        };
        let (mut name, mut chars) = (String::new(), quoted.chars());
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => name.push(chars.next()?),
                c => name.push(c),
            }
        }
        let mailbox = chars.as_str().strip_prefix(" <")?.strip_suffix('>')?;
        Some(Self { name: Some(name.into()), ..Self::bare(mailbox).ok()? })
    }
}

/// Whether a part of an address is made of the letters and signs that need no quotes, and not of dots alone.
fn is_dot_atom(part: &str) -> bool {
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    part.bytes().all(is_atom) && part.bytes().any(|byte| byte != b'.')
}

/// Whether a local part stands in quotes, from its first letter to its last.
fn is_quoted(local: &str) -> bool {
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut escaped = false;
    let all_within = inner.is_some_and(|inner| {
        inner.chars().all(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            !ends
        })
    });
    all_within && !escaped
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut list = Self::parse_list(text)?;
        match (list.pop(), list.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(AddressError),
        }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.mailbox.eq_ignore_ascii_case(&other.mailbox)
    }
}

impl Eq for Address {}

impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for byte in self.mailbox.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mailbox)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.name {
            Some(name) => {
                let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
                serializer.collect_str(&format_args!("\"{quoted}\" <{}>", self.mailbox))
            }
            None => serializer.serialize_str(&self.mailbox),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::serialised(&text).map_or_else(|| text.parse(), Ok).map_err(serde::de::Error::custom)
    }
}

/// The text was not a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a mail address, such as `ada@example.com` or `Ada <ada@example.com>`")
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lists_and_groups_are_read() {
        let list = Address::parse_list("Ada <ada@a.example>, friends: bob@b.example, c@c.example;").unwrap();
        let mailboxes: Vec<_> = list.iter().map(Address::as_str).collect();
        assert_eq!(mailboxes, ["ada@a.example", "bob@b.example", "c@c.example"]);
        assert_eq!((list[0].local_part(), list[0].domain()), ("ada", "a.example"));
        let quoted: Address = r#"Ada <"ada l"@a.example>"#.parse().unwrap();
        assert_eq!((quoted.local_part(), quoted.domain()), (r#""ada l""#, "a.example"));
        assert_eq!(quoted, r#""ada l"@a.example"#.parse().unwrap());
    }

    #[test]
    fn the_short_way_reads_as_the_long_way() {
        for text in [
            "ada@example.com",
            "Ada <ada@example.com>",
            "Ada Lovelace <ada.lovelace+x@mail-1.example.com>",
            " <ada@example.com>",
            "<ada@example.com>",
            "Ada<ada@example.com>",
        ] {
            let (short, long) = (Address::plain(text).unwrap(), Address::parse_list(text).unwrap());
            let parts = |one: &Address| (one.name.clone(), one.mailbox.clone(), one.at);
            assert_eq!([parts(&short)].as_slice(), long.iter().map(parts).collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada@exa mple.com",
            "a@b, ",
            "a@b\r\nBcc: x@y",
            "<a:b@c>",
            r#""a" <b<c@"d>, e<"@example.com>"#,
        ] {
            assert!(text.parse::<Address>().is_err() || text == "a@b, ", "{text:?} was taken");
        }
    }

    #[test]
    fn a_broken_entry_does_not_cost_the_others() {
        let list = Address::parse_list_lossy(r#"a@a.example, nobody, "C, d" <c@c.example>, <"#);
        assert_eq!(list.iter().map(Address::as_str).collect::<Vec<_>>(), ["a@a.example", "c@c.example"]);
        assert_eq!(list[1].name(), Some("C, d"));
    }

    #[test]
    fn a_name_that_breaks_the_grammar_costs_neither_its_mailbox_nor_another() {
        let nobody: [(&str, &str); 0] = [];
        for (text, expected) in [
            ("Ada :) <ada@example.com>", &[("Ada :)", "ada@example.com")][..]),
            ("ACME: Support <s@acme.example>", &[("ACME: Support", "s@acme.example")]),
            ("\"Ada <ada@example.com>", &[("Ada", "ada@example.com")]),
            ("Ada (: <ada@example.com>", &[("Ada (:", "ada@example.com")]),
            ("I <3 cats <ada@example.com> ", &[("I <3 cats", "ada@example.com")]),
            (": <\"ada l\"@a.example>", &[(":", "\"ada l\"@a.example")]),
            (
                "Sales: EMEA <sales@corp.example>, bob@b.example",
                &[("Sales: EMEA", "sales@corp.example"), ("", "bob@b.example")],
            ),
            (
                "\"Ada <ada@a.example>, Bob <bob@b.example>",
                &[("Ada", "ada@a.example"), ("Bob", "bob@b.example")],
            ),
            (
                "Ada (: <ada@a.example>; \"B, b\" <bob@b.example>, c@c.example",
                &[("Ada (:", "ada@a.example"), ("B, b", "bob@b.example"), ("", "c@c.example")],
            ),
            (
                "I <3 cats <ada@a.example>, bob@b.example",
                &[("I <3 cats", "ada@a.example"), ("", "bob@b.example")],
            ),
            // Who is meant stands at the very end, whatever the name makes itself out to be.
            ("boss@a.example: <eve@e.example>", &[("boss@a.example:", "eve@e.example")]),
            ("<boss@a.example> :) <eve@e.example>", &[("<boss@a.example> :)", "eve@e.example")]),
            ("A:\r\nBcc:\0b\t\u{85} \"\\ <a@a.example>", &[("A: Bcc: b", "a@a.example")]),
            (
                "A (I <3 b) :> <a@a.example>, B: <b@b.example>",
                &[("A (I <3 b) :>", "a@a.example"), ("B:", "b@b.example")],
            ),
            ("(b <b@b.example>, < c)", &nobody),
            ("\"a@a.example <b@b.example>\"", &nobody),
            ("A: (<a@a.example>)", &nobody),
            ("A: <a@a.example> b", &nobody),
            ("A: <a@a.example\r\nBcc: b@b.example>", &nobody),
            ("A: <a\0@a.example>", &nobody),
            ("A: <a(b)@a.example>", &nobody),
            ("A: <b: a@a.example;>", &nobody),
            ("A: <a@a.example>>", &nobody),
            ("A: <\"<a@a.example>", &[("A: <", "a@a.example")]),
            ("A: <\"a <b\"@a.example>", &nobody),
            ("A: <>", &nobody),
            (">", &nobody),
        ] {
            let list = Address::parse_list_lossy(text);
            let found: Vec<_> =
                list.iter().map(|one| (one.name().unwrap_or_default(), one.as_str())).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn no_name_can_make_somebody_else_the_sender() {
        let boss = "boss@corp.example";
        for text in [
            "Eve <eve@e.example>",
            "\"boss@corp.example, Eve\" <eve@e.example>",
            "boss@corp.example, Eve <eve@e.example>",
            "boss@corp.example,<eve@e.example>",
            "boss@corp.example; <eve@e.example>",
            "boss@corp.example <eve@e.example>",
            "<boss@corp.example> <eve@e.example>",
            "Boss <boss@corp.example>, <eve@e.example>",
            "a: boss@corp.example; <eve@e.example>",
            "a: boss@corp.example, <eve@e.example>",
            "boss@corp.example (, <eve@e.example>",
            "boss@corp.example \", <eve@e.example>",
            "boss@corp.example, \"a\" b\" <eve@e.example> ",
        ] {
            assert_eq!(Address::sender(text).unwrap().as_str(), "eve@e.example", "{text:?}");
        }
        let eve = Address::sender("boss@corp.example, Eve <eve@e.example>").unwrap();
        assert_eq!(eve.name(), Some("boss@corp.example, Eve"));
        for text in [
            "boss@corp.example, eve@e.example",
            "Eve <eve@e.example>, boss@corp.example",
            "boss@corp.example, Eve <eve@e.example",
            "boss@corp.example, Eve <>",
            "",
        ] {
            assert_eq!(Address::sender(text), None, "{text:?}");
        }
        for text in [boss, " boss@corp.example ", "< boss@corp.example >", "Boss<boss@corp.example>"] {
            assert_eq!(Address::sender(text).unwrap().as_str(), boss, "{text:?}");
        }
    }

    #[test]
    fn a_long_list_of_what_is_never_closed_is_read_in_one_go() {
        for opening in ["(", "<", "\"", "(<", "(>", "<)", "a: (, ", "a <b@c.example "] {
            let list = opening.repeat(200_000 / opening.len());
            assert!(Address::parse_list_lossy(&list).is_empty());
        }
    }

    #[test]
    fn debug_keeps_the_mailbox_out_of_logs() {
        let ada: Address = "Ada <ada@example.com>".parse().unwrap();
        assert!(!format!("{ada:?}").contains("ada"));
    }

    /// What a draft keeps of an address is what was read, or its reply would be lost.
    fn survives(address: &Address) {
        let json = serde_json::to_string(address).unwrap();
        let back: Address = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!((back.name(), back.as_str(), back.at), (address.name(), address.as_str(), address.at));
    }

    #[test]
    fn what_can_be_read_survives_serialisation() {
        for text in [
            r#""Ada \"the\" Lovelace, Esq." <ada@example.com>"#,
            r#"X <"a>b"@c.example>"#,
            r#""a>b"@c.example"#,
            r#"X <"a\"b\\"@c.example>"#,
            "<ada@[a(b]>",
            "Ada :) <ada@example.com>",
        ] {
            let read = Address::parse_list_lossy(text);
            read.iter().chain(&Address::sender(text)).for_each(survives);
            assert!(!read.is_empty(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_can_be_read_survives_serialisation(text in r#"([ab@."\\<>(),:;\[\] \n]|é){0,24}"#) {
            Address::parse_list_lossy(&text).iter().chain(&Address::sender(&text)).for_each(survives);
        }
    }
}

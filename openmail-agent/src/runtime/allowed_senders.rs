use std::str::FromStr;

use crate::model::Address;

use super::SettingError;

/// Whose mail is handled.
#[derive(Debug, Clone, Default)]
pub struct AllowedSenders(Option<Vec<Entry>>);

#[derive(Debug, Clone)]
enum Entry {
    Address(Address),
    Domain(String),
}

impl AllowedSenders {
    /// Everybody's.
    #[must_use]
    pub fn everyone() -> Self {
        Self(None)
    }

    /// Whether this one's mail is handled.
    #[must_use]
    pub fn contains(&self, sender: Option<&Address>) -> bool {
        let Some(list) = &self.0 else { return true };
        sender.is_some_and(|sender| {
            list.iter().any(|allowed| match allowed {
                Entry::Address(address) => address == sender,
                Entry::Domain(domain) => domain.eq_ignore_ascii_case(sender.domain()),
            })
        })
    }
}

impl FromStr for AllowedSenders {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_domain = |text: &str| {
            text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        let parse = |entry: &str| match entry.strip_prefix('@').unwrap_or(entry) {
            domain if is_domain(domain) => Ok(Entry::Domain(domain.to_owned())),
            pattern if pattern.contains('*') => Err(SettingError::new(format!(
                "`{entry}` is a pattern: write the domain itself, such as `example.com`"
            ))),
            _ => entry
                .parse()
                .map(Entry::Address)
                .map_err(|_| SettingError::new(format!("`{entry}` is neither an address nor a domain"))),
        };
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() {
            // Who names nobody has hardly meant everybody.
            return Err(SettingError::new(
                "it names neither an address nor a domain: leave it out for everybody",
            ));
        }
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(|list| Self(Some(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_sender_is_an_address_or_a_domain_and_no_pattern() {
        let allowed: AllowedSenders = "ada@example.com, @acme.example, Else.example".parse().unwrap();
        let is_allowed = |sender: &str| allowed.contains(Some(&sender.parse().unwrap()));
        assert!(
            ["ada@example.com", "a@acme.example", "b@else.example"].iter().all(|sender| is_allowed(sender))
        );
        assert!(!is_allowed("eve@example.com") && !is_allowed("a@mail.acme.example"));
        for wrong in
            ["*.example.com", "*@example.com", "https://example.com", "example.com:25", "example", " , "]
        {
            assert!(wrong.parse::<AllowedSenders>().is_err(), "{wrong}");
        }
    }
}

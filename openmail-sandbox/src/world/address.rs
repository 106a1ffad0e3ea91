use mailparse::MailAddr;

use crate::mime;

/// Whether this is one bare address, as `format: email` of the contract wants it.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>(),;:\"[]\\@".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (1..=64).contains(&local.len())
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(label)
        && mime::is_address(text)
}

/// The bare address in `Name <address>`, in lower case, by which addresses are compared.
pub(crate) fn bare(address: &str) -> String {
    let parsed = mailparse::addrparse(address).ok();
    let single = parsed.and_then(|list| match list.into_inner().into_iter().next() {
        Some(MailAddr::Single(single)) => Some(single.addr),
        _ => None,
    });
    single.unwrap_or_else(|| address.trim().to_owned()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{bare, is_email};

    #[test]
    fn only_bare_addresses_pass_as_email() {
        assert!(is_email("ada@example.com"));
        assert!(is_email("ada+x@mail.example.co"));
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "Ada <ada@example.com>",
            "a b@example.com",
            "a@b",
            "a@b..c",
            "a@example.com\r\nBcc: x@y.z",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }

    #[test]
    fn addresses_compare_without_name_and_case() {
        assert_eq!(bare("Ada <Ada@Example.com>"), "ada@example.com");
        assert_eq!(bare("ada@example.com"), "ada@example.com");
    }
}

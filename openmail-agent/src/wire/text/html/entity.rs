use std::borrow::Cow;

/// The entities that mail programs write; any other stays as it is.
#[rustfmt::skip]
const NAMED: &[(&str, &str)] = &[
    ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("nbsp", "\u{a0}"), ("shy", ""),
    ("zwnj", ""), ("zwj", ""), ("ensp", " "), ("emsp", " "), ("thinsp", " "), ("hellip", "…"), ("mdash", "—"),
    ("ndash", "–"), ("lsquo", "‘"), ("rsquo", "’"), ("sbquo", "‚"), ("ldquo", "“"), ("rdquo", "”"), ("bdquo", "„"),
    ("laquo", "«"), ("raquo", "»"), ("bull", "•"), ("middot", "·"), ("deg", "°"), ("sect", "§"), ("copy", "©"),
    ("reg", "®"), ("trade", "™"), ("euro", "€"), ("pound", "£"), ("yen", "¥"), ("cent", "¢"), ("times", "×"),
    ("iexcl", "¡"), ("iquest", "¿"), ("auml", "ä"), ("ouml", "ö"), ("uuml", "ü"), ("Auml", "Ä"), ("Ouml", "Ö"),
    ("Uuml", "Ü"), ("szlig", "ß"), ("agrave", "à"), ("acirc", "â"), ("aacute", "á"), ("aring", "å"), ("aelig", "æ"),
    ("atilde", "ã"), ("ccedil", "ç"), ("Ccedil", "Ç"), ("egrave", "è"), ("eacute", "é"), ("ecirc", "ê"),
    ("euml", "ë"), ("Eacute", "É"), ("Egrave", "È"), ("Agrave", "À"), ("iacute", "í"), ("icirc", "î"), ("iuml", "ï"),
    ("ntilde", "ñ"), ("Ntilde", "Ñ"), ("oacute", "ó"), ("ocirc", "ô"), ("ograve", "ò"), ("otilde", "õ"),
    ("oslash", "ø"), ("uacute", "ú"), ("ugrave", "ù"), ("ucirc", "û"), ("oelig", "œ"),
];

/// The longest name of an entity, with its number sign.
const LONGEST: usize = 10;

/// Text with its entities read.
pub(super) fn decode(html: &str) -> Cow<'_, str> {
    if !html.contains('&') {
        return Cow::Borrowed(html);
    }
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = rest.bytes().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
        match read(&rest[..name], &mut text) {
            true => rest = rest[name..].strip_prefix(';').unwrap_or(&rest[name..]),
            false => text.push('&'),
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

fn read(name: &str, text: &mut String) -> bool {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.map(|code| text.push(char::from_u32(code).unwrap_or('\u{fffd}'))).is_ok();
    }
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map(|(_, meaning)| text.push_str(meaning)).is_some()
}

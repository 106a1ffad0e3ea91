use mail_parser::{Message, MimeHeaders};

use crate::model::{Classification, Mail};

/// By these the makers of filters test them; nothing else is taken for spam or malware.
const SPAM: &[u8] = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
const MALWARE: &[u8] = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE";
/// Both stand at the beginning of whatever they are in.
const SEARCHED: usize = 64 * 1024;

/// Classifies a mail by what it says of itself. The envelope's sender is empty for bounces; none if unknown.
pub(crate) fn classify(mail: &Mail, message: &Message<'_>, envelope_from: Option<&str>) -> Classification {
    let verdict = verdict(mail);
    let category = if verdict == "clean" { category(message, envelope_from) } else { verdict };
    Classification {
        category: Some(category.into()),
        auto_replyable: Some(category == "personal"),
        verdict: Some(verdict.into()),
        spam_score: None,
    }
}

fn verdict(mail: &Mail) -> &'static str {
    let bodies = [&mail.text, &mail.html].into_iter().flatten().map(String::as_bytes);
    let files = mail.attachments.iter().map(|file| &*file.bytes);
    let contains = |content: &[u8], mark: &[u8]| {
        content[..content.len().min(SEARCHED)].windows(mark.len()).any(|window| window == mark)
    };
    if files.clone().any(|file| contains(file, MALWARE)) {
        "malicious"
    } else if bodies.chain(files).any(|content| contains(content, SPAM)) {
        "spam"
    } else {
        "clean"
    }
}

fn category(message: &Message<'_>, envelope_from: Option<&str>) -> &'static str {
    if is_delivery_report(message) {
        "bounce"
    } else if says(message, "Auto-Submitted").is_some_and(|value| !value.starts_with("no"))
        || says(message, "Precedence")
            .is_some_and(|value| ["bulk", "junk", "list", "auto_reply"].contains(&value.as_str()))
        || message.header("X-Auto-Response-Suppress").is_some()
    {
        "automated"
    } else if envelope_from == Some("") {
        "bounce"
    } else if message.header("List-Unsubscribe").is_some() {
        "marketing"
    } else if message.header("List-Id").is_some() {
        // RFC 3834: what comes over a mailing list is not answered by itself.
        "automated"
    } else {
        "personal"
    }
}

/// RFC 3464: `multipart/report; report-type=delivery-status`.
fn is_delivery_report(message: &Message<'_>) -> bool {
    message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
            && kind.attribute("report-type").is_some_and(|of| of.eq_ignore_ascii_case("delivery-status"))
    })
}

fn says(message: &Message<'_>, header: &str) -> Option<String> {
    let value = message.header_raw(header)?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

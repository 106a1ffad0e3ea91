use mail_parser::{Message, MimeHeaders};

use crate::model::Classification;

/// Classifies a mail by what it says of itself. The envelope's sender is empty for bounces; none if unknown.
pub(crate) fn classify(message: &Message<'_>, envelope_from: Option<&str>) -> Classification {
    let category = category(message, envelope_from);
    Classification {
        category: Some(category.into()),
        auto_replyable: Some(category == "personal"),
        verdict: Some("clean".into()),
        spam_score: None,
    }
}

fn category(message: &Message<'_>, envelope_from: Option<&str>) -> &'static str {
    if is_delivery_report(message) {
        "bounce"
    } else if says(message, "Auto-Submitted").is_some_and(|value| !value.starts_with("no"))
        || says(message, "Precedence")
            .is_some_and(|value| ["bulk", "junk", "list", "auto_reply"].contains(&value.as_str()))
    {
        "automated"
    } else if envelope_from == Some("") {
        "bounce"
    } else if message.header("List-Unsubscribe").is_some() {
        "marketing"
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

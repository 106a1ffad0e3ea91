use std::{str::FromStr, time::SystemTime};

use lettre::{
    Address, Message,
    message::{Attachment as Part, Mailbox, MultiPart, SinglePart, header::ContentType},
};

use crate::model::{Attachment, Sent};

/// The text of a mail as it left, the same each time. None if one of its addresses is none.
pub(crate) fn compose(sent: &Sent) -> Option<Vec<u8>> {
    let mut builder = Message::builder()
        .from(mailbox(&sent.from)?)
        .to(mailbox(&sent.to)?)
        .date(SystemTime::from(sent.sent_at))
        .message_id(Some(sent.rfc_message_id.clone()))
        .subject(one_line(&sent.subject));
    for address in &sent.cc {
        builder = builder.cc(mailbox(address)?);
    }
    if let Some(address) = &sent.reply_to {
        builder = builder.reply_to(mailbox(address)?);
    }
    if let Some(id) = &sent.in_reply_to {
        builder = builder.in_reply_to(id.clone());
    }
    if !sent.references.is_empty() {
        builder = builder.references(sent.references.join(" "));
    }
    let message = if sent.attachments.is_empty() {
        match alternatives(sent) {
            Body::Single(part) => builder.singlepart(part),
            Body::Multi(parts) => builder.multipart(parts),
        }
    } else {
        builder.multipart(with_attachments(sent))
    };
    message.ok().map(|message| message.formatted())
}

/// Whether an address can stand in the header and the envelope of a mail.
pub(crate) fn is_address(address: &str) -> bool {
    Address::from_str(address).is_ok()
}

enum Body {
    Single(SinglePart),
    Multi(MultiPart),
}

fn alternatives(sent: &Sent) -> Body {
    let text = SinglePart::plain(sent.text.clone());
    match &sent.html {
        None => Body::Single(text),
        Some(html) => {
            let parts = MultiPart::alternative().boundary(boundary(sent, "alternative"));
            Body::Multi(parts.singlepart(text).singlepart(SinglePart::html(html.clone())))
        }
    }
}

fn with_attachments(sent: &Sent) -> MultiPart {
    let mixed = MultiPart::mixed().boundary(boundary(sent, "mixed"));
    let mixed = match alternatives(sent) {
        Body::Single(part) => mixed.singlepart(part),
        Body::Multi(parts) => mixed.multipart(parts),
    };
    sent.attachments.iter().fold(mixed, |mixed, file| mixed.singlepart(attachment(file)))
}

fn attachment(file: &Attachment) -> SinglePart {
    let kind = ContentType::parse(&file.content_type);
    let octets = || ContentType::parse("application/octet-stream");
    let part = Part::new(one_line(&file.filename));
    match kind.or_else(|_| octets()) {
        Ok(kind) => part.body(file.bytes.to_vec(), kind),
        Err(_) => part.body(file.bytes.to_vec(), ContentType::TEXT_PLAIN),
    }
}

/// Made of a random id, so no line of the mail is like it.
fn boundary(sent: &Sent, kind: &str) -> String {
    format!("=_{kind}_{}", sent.provider_message_id)
}

fn mailbox(written: &str) -> Option<Mailbox> {
    if let Ok(address) = Address::from_str(written) {
        return Some(Mailbox::new(None, address));
    }
    let (name, rest) = written.rsplit_once('<')?;
    let address = rest.strip_suffix('>')?.parse().ok()?;
    Some(Mailbox::new(Some(one_line(name.trim())).filter(|name| !name.is_empty()), address))
}

/// A line break in a value would begin a header of its own.
fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::compose;
    use crate::{
        mime,
        model::{Attachment, Sent},
    };

    fn sent() -> Sent {
        Sent {
            message_id: "msg_1".into(),
            provider_message_id: "0011".into(),
            rfc_message_id: "<0011@sandbox.test>".into(),
            thread_id: "thr_1".into(),
            inbox_id: "inb_1".into(),
            idempotency_key: "k".into(),
            from: "Müller, Jörg <help@sandbox.test>".into(),
            to: "ada@example.com".into(),
            cc: vec!["bob@example.com".into()],
            reply_to: Some("desk@sandbox.test".into()),
            subject: "Re: Grüße\nBcc: eve@example.com".into(),
            body: "Hé".into(),
            text: "Hé\n.\nFrom here".into(),
            html: Some("<p>Hé</p>".into()),
            attachments: vec![Attachment::new("résumé.pdf", "application/pdf", &b"\x00\xff"[..])],
            in_reply_to: Some("<b@x>".into()),
            references: vec!["<a@x>".into(), "<b@x>".into()],
            sent_at: "2026-02-24T10:05:00Z".parse::<Timestamp>().unwrap(),
            relayed: None,
            relay_attempts: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = compose(&sent()).unwrap();
        let mail = mime::read(&text, None).unwrap();
        assert_eq!(mail.from, "\"Müller, Jörg\" <help@sandbox.test>");
        assert_eq!((mail.to, mail.cc), (vec!["ada@example.com".into()], vec!["bob@example.com".to_owned()]));
        assert_eq!((mail.text.unwrap(), mail.html.unwrap()), (sent().text, sent().html.unwrap()));
        assert_eq!(mail.attachments, sent().attachments);
        assert_eq!((mail.message_id, mail.in_reply_to), (Some(sent().rfc_message_id), sent().in_reply_to));
        assert_eq!(mail.references, sent().references);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Date: Tue, 24 Feb 2026 10:05:00 +0000\r\n"), "{text}");
        assert!(text.contains("Reply-To: desk@sandbox.test\r\n"), "{text}");
    }

    #[test]
    fn a_line_break_in_a_subject_begins_no_header() {
        let mail = mime::read(&compose(&sent()).unwrap(), None).unwrap();
        assert_eq!(mail.subject.as_deref(), Some("Re: Grüße Bcc: eve@example.com"));
    }

    #[test]
    fn the_text_is_the_same_each_time() {
        assert_eq!(compose(&sent()), compose(&sent()));
    }
}

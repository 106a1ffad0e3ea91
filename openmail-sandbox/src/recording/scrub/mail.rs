use super::{people::Names, text::Text};
use crate::recording::{RecordedFile, RecordedMail};

/// Scrubs the mails of one recording: what is the same in two of them stays the same.
#[derive(Debug, Default)]
pub(in crate::recording) struct Scrubber {
    text: Text,
    threads: Names,
    external_ids: Names,
    files: Names,
}

/// Extensions that say what kind of file it is.
const EXTENSIONS: [&str; 22] = [
    "csv", "doc", "docx", "eml", "gif", "htm", "html", "ics", "jpeg", "jpg", "json", "md", "odt", "pdf",
    "png", "ppt", "pptx", "rtf", "txt", "xls", "xlsx", "zip",
];

impl Scrubber {
    pub(in crate::recording) fn learn_inbox(&mut self, address: &str) {
        self.text.people.learn_inbox(address);
    }

    pub(in crate::recording) fn mail(&mut self, mail: &RecordedMail) -> RecordedMail {
        self.learn_inbox(&mail.inbox);
        let inbox = self.text.people.address(&mail.inbox);
        RecordedMail {
            after_ms: mail.after_ms,
            external_id: mail.external_id.as_ref().map(|id| self.external_id(id)),
            thread: format!("thread-{}", self.threads.number(&mail.thread)),
            from: self.address(&mail.from),
            to: mail.to.iter().map(|address| self.address(address)).collect(),
            cc: mail.cc.iter().map(|address| self.address(address)).collect(),
            subject: mail.subject.as_ref().map(|subject| self.text.subject(subject)),
            text: self.text.body(&mail.text),
            html: mail.html.as_ref().map(|html| self.text.html(html)),
            attachments: mail.attachments.iter().map(|file| self.file(file)).collect(),
            category: mail.category.clone().filter(|name| is_label(name)),
            auto_replyable: mail.auto_replyable,
            verdict: mail.verdict.clone().filter(|name| is_label(name)),
            spam_score: mail.spam_score,
            inbox,
        }
    }

    fn external_id(&mut self, id: &str) -> String {
        format!("external-{}", self.external_ids.number(id))
    }

    /// What is no address becomes filler that is none either.
    fn address(&mut self, address: &str) -> String {
        self.text.people.named(address).unwrap_or_else(|| {
            let mut filler = String::new();
            self.text.words(address, &mut filler);
            filler
        })
    }

    fn file(&mut self, file: &RecordedFile) -> RecordedFile {
        let number = self.files.number(&file.filename);
        let extension = file.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let extension = extension.filter(|extension| EXTENSIONS.contains(&extension.as_str()));
        RecordedFile {
            filename: extension
                .map_or_else(|| format!("file-{number}"), |extension| format!("file-{number}.{extension}")),
            content_type: content_type(&file.content_type).to_owned(),
            size: file.size,
            text: file.text.as_ref().map(|text| self.text.body(text)),
        }
    }
}

/// The media type, without parameters such as the name. The sender chose it, so that one which is not usual is told by its kind only.
fn content_type(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let usual = MEDIA_TYPES.iter().find(|usual| **usual == essence);
    let kind = MEDIA_TYPES.iter().find(|usual| usual.split('/').next() == essence.split('/').next());
    usual.or(kind).copied().unwrap_or("application/octet-stream")
}

/// The usual media types; the first of a kind stands for those that are not.
const MEDIA_TYPES: [&str; 25] = [
    "application/octet-stream",
    "application/gzip",
    "application/ics",
    "application/json",
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/xml",
    "application/zip",
    "audio/mpeg",
    "image/png",
    "image/gif",
    "image/jpeg",
    "message/rfc822",
    "message/delivery-status",
    "text/plain",
    "text/calendar",
    "text/csv",
    "text/html",
    "video/mp4",
];

/// A word of the service's own, such as `personal`.
fn is_label(name: &str) -> bool {
    name.len() <= 20 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_media_type_is_a_usual_one() {
        for (written, kept) in [
            ("application/pdf; name=\"ada.pdf\"", "application/pdf"),
            ("TEXT/CSV", "text/csv"),
            ("text/vnd.ada", "text/plain"),
            ("application/x-ada-lovelace", "application/octet-stream"),
            ("ada/lovelace", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(content_type(written), kept);
        }
    }

    /// What a mail is made of, with the word that must not be left.
    const PIECES: [&str; 35] = [
        "secret ",
        "Secret",
        "secret@secret.test",
        "<secret@secret.test>",
        "https://secret.test/secret",
        "\n",
        "\r\n",
        "> ",
        " ",
        ":",
        "On ",
        " wrote:",
        "On 1 secret wrote:",
        "Re: ",
        "AW[2]: ",
        "From: ",
        "Subject: secret",
        "Out of office",
        "-----Original Message-----",
        "<p class='secret'>",
        "<a href=\"secret\">",
        "</p>",
        "<",
        ">",
        "'",
        "\"",
        "<!-- secret",
        "-->",
        "<style>secret",
        "</style>",
        "&#83;",
        "&",
        "İſ€",
        "\u{E0073}",
        "se",
    ];

    proptest! {
        #[test]
        fn no_mail_is_too_odd_and_none_keeps_its_words(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
        ) {
            let text = pieces.concat();
            let file = RecordedFile {
                filename: text.clone(), content_type: text.clone(), size: 7, text: Some(text.clone()),
            };
            let mail = RecordedMail {
                after_ms: 0, inbox: text.clone(), external_id: Some(text.clone()), thread: text.clone(),
                from: text.clone(), to: vec![text.clone()], cc: vec![text.clone()], subject: Some(text.clone()),
                html: Some(text.clone()), attachments: vec![file], category: Some(text.clone()),
                auto_replyable: None, verdict: None, spam_score: None, text,
            };
            let scrubbed = serde_json::to_string(&Scrubber::default().mail(&mail)).unwrap().to_lowercase();
            prop_assert!(!scrubbed.contains("secret") && !scrubbed.contains('\u{E0073}'), "{}", scrubbed);
        }
    }

    #[test]
    fn what_is_no_address_becomes_none() {
        let mut scrubber = Scrubber::default();
        for text in ["", "Ada", "undisclosed-recipients:;", "ada at example"] {
            let scrubbed = scrubber.address(text);
            assert!(!scrubbed.contains('@') && !scrubbed.to_lowercase().contains("ada"), "{scrubbed}");
        }
        let ada = scrubber.address("Ada <ADA@corp.test>");
        assert_eq!(ada, "Person 1 <person-1@example.com>");
        assert_eq!(scrubber.address("ada@corp.test"), "person-1@example.com");
        assert_eq!(
            scrubber.address("\"Mail System\" <MAILER-DAEMON@mx.test>"),
            "Mailer daemon 2 <mailer-daemon-2@example.com>"
        );
    }
}

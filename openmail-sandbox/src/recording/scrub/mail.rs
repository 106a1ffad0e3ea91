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
            content_type: content_type(&file.content_type),
            size: file.size,
            text: file.text.as_ref().map(|text| self.text.body(text)),
        }
    }
}

/// The media type, without parameters such as the name.
fn content_type(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ["application/", "audio/", "image/", "message/", "multipart/", "text/", "video/"];
    let is_plain = essence.chars().all(|c| c.is_ascii_alphanumeric() || "/.+-".contains(c));
    if is_plain && essence.len() <= 80 && known.iter().any(|start| essence.starts_with(start)) {
        essence
    } else {
        "application/octet-stream".to_owned()
    }
}

/// A word of the service's own, such as `personal`.
fn is_label(name: &str) -> bool {
    name.len() <= 20 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

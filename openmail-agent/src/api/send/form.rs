use std::borrow::Cow;

use reqwest::multipart::{Form, Part};
use serde::Serialize;

use crate::model::{Body, Draft, OutgoingAttachment};

use super::html::{html_of, recognisable};

/// The fields of a send, as the contract lists them; what is absent is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields<'a> {
    to: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    body: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_html: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_quote: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(draft: &'a Draft) -> Self {
        let (body, body_html) = bodies(&draft.body);
        let thread_id = draft.thread_id.as_ref().map(|id| id.as_str());
        Self {
            to: draft.recipients.to.as_str(),
            cc: draft.recipients.cc.iter().map(|address| address.as_str()).collect(),
            subject: draft.subject.as_deref().map(one_line).filter(|subject| !subject.is_empty()),
            body,
            body_html,
            thread_id,
            // True is the service's default, and outside of a thread there is nothing to quote.
            include_quote: (thread_id.is_some() && !draft.include_quote).then_some(false),
            reply_to: draft.reply_to.as_ref().map(|address| address.as_str()),
        }
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let mut texts = vec![("to", self.to.to_owned()), ("body", self.body.to_string())];
        texts.extend(self.cc.iter().map(|cc| ("cc", (*cc).to_owned())));
        texts.extend(self.subject.iter().map(|subject| ("subject", subject.clone())));
        texts.extend(self.body_html.iter().map(|html| ("bodyHtml", html.to_string())));
        texts.extend(self.thread_id.map(|id| ("threadId", id.to_owned())));
        texts.extend(self.include_quote.map(|quote| ("includeQuote", quote.to_string())));
        texts.extend(self.reply_to.map(|address| ("replyTo", address.to_owned())));
        texts.into_iter()
    }
}

/// `body` and `bodyHtml`.
fn bodies(body: &Body) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    match body {
        Body::Text(text) => (text.into(), html_of(text).map(Cow::Owned)),
        Body::Html(html) => (recognisable(html), None),
        Body::Both { text, html } => (text.into(), Some(html.into())),
    }
}

/// A subject cannot break into another header.
fn one_line(subject: &str) -> String {
    subject
        .split(char::is_control)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// The same fields as a form, with the files behind them.
pub(super) fn multipart(fields: &Fields<'_>, files: &[OutgoingAttachment]) -> Form {
    let form = fields.texts().fold(Form::new(), |form, (name, text)| form.text(name, text));
    files.iter().fold(form, |form, file| form.part("attachments", part(file)))
}

fn part(file: &OutgoingAttachment) -> Part {
    let bytes = || Part::stream(file.bytes.clone());
    let typed =
        bytes().mime_str(&file.content_type).or_else(|_| bytes().mime_str("application/octet-stream"));
    typed.unwrap_or_else(|_| bytes()).file_name(plain_name(&file.filename))
}

/// A file name that stays within its quotes and its folder.
fn plain_name(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if matches!(c, '"' | '\\' | '/') { '_' } else { c })
        .collect();
    if name.trim_matches(|c: char| c == '.' || c.is_whitespace()).is_empty() {
        "attachment".to_owned()
    } else {
        name
    }
}

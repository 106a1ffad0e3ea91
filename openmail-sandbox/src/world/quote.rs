use super::clock::iso;
use crate::model::Message;

/// How much of a message is quoted: quotes of quotes would otherwise grow without end.
const QUOTED_AT_MOST: usize = 64 * 1024;

/// A quoted copy of a message, as it is appended to the text of its answer.
pub(crate) fn quoted_text(message: &Message) -> String {
    let mut quote = format!("\n\nOn {}, {} wrote:\n", iso(message.created_at), message.from);
    for line in start(&message.text).lines() {
        quote.push_str("> ");
        quote.push_str(line);
        quote.push('\n');
    }
    quote
}

/// A quoted copy of a message, as it is appended to the HTML of its answer.
pub(crate) fn quoted_html(message: &Message) -> String {
    let content = match &message.html {
        Some(html) => start(html).to_owned(),
        None => escape(start(&message.text)).replace('\n', "<br>"),
    };
    let head = format!("On {}, {} wrote:", iso(message.created_at), escape(&message.from));
    format!("<br><div>{head}</div><blockquote>{content}</blockquote>")
}

fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(QUOTED_AT_MOST)]
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

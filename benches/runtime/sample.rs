//! The mail that is measured with: every id is as random as the service's, and nothing depends on chance.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How many inboxes the mail is for.
pub(crate) const INBOXES: usize = 200;

/// The secret that webhooks are signed with.
pub(crate) const SECRET: &str = "whsec_bench";

/// How many mails a conversation has.
const PER_THREAD: usize = 4;

/// Spreads numbers, so that neighbours get ids that are far apart.
fn scattered(number: usize) -> u64 {
    let mut x = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(crate) fn inbox_id(number: usize) -> String {
    format!("inb_{:016x}", scattered(number))
}

/// The name of the conversation that is the n-th to begin.
pub(crate) fn thread_id(number: usize) -> String {
    format!("thr_{:016x}", scattered(number))
}

/// Event `number` of `count`, spread over conversations.
pub(crate) fn event(number: usize, count: usize) -> String {
    event_in(number, number % (count / PER_THREAD).max(1))
}

/// Event `number`, in this conversation.
pub(crate) fn event_in(number: usize, thread: usize) -> String {
    let id = scattered(number);
    let (inbox, thread) = (inbox_id(thread % INBOXES), thread_id(thread));
    format!(
        r#"{{"event":"message.received","event_id":"evt_{id:016x}","occurred_at":"2026-02-24T10:05:00.000Z","delivered_at":"2026-02-24T10:05:00.012Z","attempt":1,"inbox_id":"{inbox}","external_id":"user_{inbox}","thread_id":"{thread}","message":{{"id":"msg_{id:016x}","rfc_message_id":"<{id:016x}@mail.example.com>","from":"Ada Lovelace <ada.{id:x}@example.com>","to":"support@acme.openmail.sh","cc":[],"subject":"Help with my order","body_text":"Hi,\n\nI need help with order {number}: it has not arrived yet, and the tracking page says that it was delivered on Tuesday. Could you find out where it is?\n\nThank you,\nAda","attachments":[],"received_at":"2026-02-24T10:05:00.000Z"}}}}"#
    )
}

/// An event as a webhook request, signed now.
pub(crate) fn webhook(number: usize, count: usize) -> Bytes {
    let body = event(number, count);
    let timestamp = jiff::Timestamp::now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key may have any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Bytes::from(format!(
        "POST /webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-timestamp: {timestamp}\r\n\
         x-signature: {signature}\r\nx-event-id: evt_{:016x}\r\ncontent-length: {}\r\n\r\n{body}",
        scattered(number),
        body.len()
    ))
}

/// A text message of the WebSocket as a server writes it: in one frame, not masked.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("an event of the bench is short");
    let mut frame = vec![0x81, 126];
    frame.extend(length.to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

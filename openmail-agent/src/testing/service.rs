use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};

use crate::api::{Request, StandIn};
use crate::model::{Address, DeliveryRole, Direction, Message};

use super::{IncomingMail, Sent};

/// What the service would answer: the conversation, the files, the sends. Nothing else is known here.
#[derive(Default, Clone)]
pub(super) struct Service(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    threads: BTreeMap<String, Vec<Message>>,
    files: HashMap<(String, String), Bytes>,
    refusal: Option<(u16, String)>,
    sends: usize,
    read: Vec<String>,
}

impl Service {
    /// Knows the mail as a row, with its conversation and its files.
    pub(super) fn learn(&self, mail: &IncomingMail) {
        let known = &mut *self.known();
        let message = &mail.message;
        let thread = message.thread_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let rows = known.threads.entry(thread).or_default();
        rows.extend(mail.earlier.iter().cloned());
        rows.push(message.clone());
        let files = mail.files.iter().cloned();
        known.files.extend(files.map(|(name, bytes)| ((message.id.to_string(), name), bytes)));
    }

    /// Knows what was answered, for the next mail of the conversation.
    pub(super) fn learn_sent(&self, sent: &Sent) {
        let known = &mut *self.known();
        let Some(thread_id) = sent.thread_id().filter(|_| sent.stopped().is_none()) else { return };
        let mut message = Message::new(sent.committed().key.as_str());
        message.direction = Direction::Outbound;
        message.thread_id = Some(thread_id.clone());
        message.to = Some(sent.to().clone());
        message.text = Some(sent.text().to_owned());
        message.html = sent.html().map(str::to_owned);
        known.threads.entry(thread_id.to_string()).or_default().push(message);
    }

    /// Answers every send like this.
    pub(super) fn refuse_sends(&self, status: u16, code: String) {
        self.known().refusal = Some((status, code));
    }

    /// Whether the conversation was marked read.
    pub(super) fn is_read(&self, thread: &str) -> bool {
        self.known().read.iter().any(|read| read == thread)
    }

    pub(super) fn stand_in(&self) -> StandIn {
        let service = self.clone();
        StandIn::new(move |request| service.known().answer(request))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn answer(&mut self, request: &Request) -> Option<Response<Bytes>> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (&request.method, path.as_slice()) {
            (&Method::GET, ["threads", id, "messages"]) => {
                let rows: Vec<_> = self.threads.get(*id)?.iter().map(row).collect();
                Some(json_response(200, &json!({"threadId": id, "data": rows})))
            }
            (&Method::PATCH, ["threads", id]) => {
                self.read.push((*id).to_owned());
                Some(json_response(200, &json!({})))
            }
            (&Method::GET, ["attachments", message, name]) => {
                let bytes = self.files.get(&((*message).to_owned(), (*name).to_owned()))?;
                Some(Response::new(bytes.clone()))
            }
            (&Method::POST, ["inboxes", _, "send"]) => Some(self.sent()),
            _ => None,
        }
    }

    fn sent(&mut self) -> Response<Bytes> {
        if let Some((status, code)) = &self.refusal {
            return json_response(*status, &json!({"error": code, "message": "refused by the test"}));
        }
        self.sends += 1;
        json_response(200, &json!({"messageId": format!("msg_sent_{}", self.sends), "status": "sent"}))
    }
}

fn json_response(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    if let Ok(status) = status.try_into() {
        *response.status_mut() = status;
    }
    response
}

/// A mail as REST gives it.
fn row(message: &Message) -> Value {
    let list = |addresses: &[Address]| -> Vec<String> { addresses.iter().map(ToString::to_string).collect() };
    let files: Vec<_> = message.attachments.iter().map(|file| {
        json!({"filename": file.filename, "contentType": file.content_type, "sizeBytes": file.size, "url": file.url})
    }).collect();
    json!({
        "id": message.id,
        "threadId": message.thread_id,
        "direction": message.direction,
        "fromAddr": message.from.as_ref().map(ToString::to_string),
        "toAddr": message.to.as_ref().map(ToString::to_string),
        "headerTo": list(&message.header_to).join(", "),
        "deliveryRole": message.delivery_role.map(|role| match role {
            DeliveryRole::To => "to",
            DeliveryRole::Cc => "cc",
        }),
        "cc": list(&message.cc),
        "subject": message.subject,
        "bodyText": message.text,
        "bodyHtml": message.html,
        "attachments": files,
        "category": message.category,
        "autoReplyable": message.auto_replyable,
        "verdict": message.verdict,
        "createdAt": message.at,
    })
}

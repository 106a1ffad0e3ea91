use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    Refusal, World,
    address::bare,
    clock::later,
    ids,
    keys::Caller,
    quote,
    threads::{references_of_answer, subject_of_answer},
};
use crate::{
    html,
    model::{Attachment, Classification, DeliveryRole, Direction, Inbox, Mail, Message, Sent},
};

const KEY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A send, parsed and checked for form. Two of them are the same request if they are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SendRequest {
    pub(crate) inbox_id: String,
    pub(crate) to: String,
    pub(crate) subject: Option<String>,
    pub(crate) body: String,
    pub(crate) body_html: Option<String>,
    pub(crate) thread_id: Option<String>,
    pub(crate) include_quote: bool,
    pub(crate) reply_to: Option<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) attachments: Vec<Attachment>,
}

/// What an accepted send is answered with.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) message_id: String,
    pub(crate) thread_id: String,
    pub(crate) provider_message_id: String,
}

/// A key that was used, and for what.
#[derive(Debug)]
pub(crate) struct Remembered {
    request: SendRequest,
    receipt: Receipt,
    at: Timestamp,
}

impl World {
    /// Sends a mail once per key. A refused send leaves nothing behind, the key included.
    pub(crate) fn send(
        &mut self,
        caller: &Caller,
        key: &str,
        request: SendRequest,
    ) -> Result<Receipt, Refusal> {
        let inbox = self.inbox_for(caller, &request.inbox_id)?.clone();
        if let Some(receipt) = self.remembered(key, &request)? {
            self.counts.sends_repeated += 1;
            return Ok(receipt);
        }
        self.check_standing(&inbox)?;
        self.check_reply_to(&request)?;
        let thread_id = self.thread_of_send(&inbox, &request)?;
        let cc = self.copied(&request, thread_id.as_deref());
        let mut recipients = vec![request.to.clone()];
        recipients.extend(cc.iter().cloned());
        recipients.iter().try_for_each(|address| self.check_recipient(address))?;
        let cold = self.cold_recipients(&inbox, &recipients, thread_id.is_some());
        self.check_limits(&inbox, &cold)?;

        self.record_send(&inbox.id, &recipients, &cold);
        let sent = self.compose(&inbox, key, &request, thread_id, cc);
        let receipt = Receipt {
            message_id: sent.message_id.clone(),
            thread_id: sent.thread_id.clone(),
            provider_message_id: sent.provider_message_id.clone(),
        };
        let remembered = Remembered { request, receipt: receipt.clone(), at: self.now() };
        self.remembered.insert(key.to_owned(), remembered);
        self.file(sent);
        self.counts.sends_accepted += 1;
        Ok(receipt)
    }

    /// What was sent, by the message it became.
    pub(crate) fn sent_as(&self, message_id: &str) -> Option<&Sent> {
        self.sent.get(self.index.sent(message_id)?)
    }

    fn remembered(&mut self, key: &str, request: &SendRequest) -> Result<Option<Receipt>, Refusal> {
        let now = self.now();
        let remembered = self.remembered.get(key);
        match remembered.filter(|remembered| later(remembered.at, KEY_LIFE) > now) {
            None => Ok(None),
            Some(remembered) if remembered.request == *request => Ok(Some(remembered.receipt.clone())),
            Some(_) => {
                self.counts.key_conflicts += 1;
                let message = "This Idempotency-Key was used with a different body";
                Err(Refusal::new(422, "idempotency_key_reused", message))
            }
        }
    }

    /// On the free plan, answers can only be routed to an inbox of the account.
    fn check_reply_to(&self, request: &SendRequest) -> Result<(), Refusal> {
        let foreign =
            request.reply_to.as_deref().is_some_and(|address| self.inbox_by_address(address).is_none());
        if self.settings.plan == "free" && foreign {
            Err(Refusal::new(403, "feature_requires_paid_plan", "replyTo must be one of your inboxes"))
        } else {
            Ok(())
        }
    }

    fn thread_of_send(&self, inbox: &Inbox, request: &SendRequest) -> Result<Option<String>, Refusal> {
        let Some(id) = &request.thread_id else { return Ok(None) };
        let thread = self.thread(id).filter(|thread| thread.inbox_id == inbox.id);
        thread.map(|thread| Some(thread.id.clone())).ok_or_else(|| Refusal::not_found("Thread"))
    }

    /// Those the caller copies, and the original sender where the inbox itself had only been copied.
    fn copied(&self, request: &SendRequest, thread_id: Option<&str>) -> Vec<String> {
        let mut cc = request.cc.clone();
        let last = thread_id
            .and_then(|id| self.thread_messages(id).rfind(|message| message.direction == Direction::Inbound));
        if let Some(last) = last.filter(|message| message.delivery_role == Some(DeliveryRole::Cc)) {
            let sender = bare(&last.from);
            let known = cc.iter().chain([&request.to]).any(|address| bare(address) == sender);
            if !known {
                cc.push(sender);
            }
        }
        cc
    }

    /// Each unique address once; replies are always warm, and so are the account's own inboxes.
    fn cold_recipients(&self, inbox: &Inbox, recipients: &[String], is_reply: bool) -> BTreeSet<String> {
        let cold = recipients.iter().map(|address| bare(address)).filter(|address| {
            !is_reply && !self.is_warm(&inbox.id, address) && self.inbox_by_address(address).is_none()
        });
        cold.collect()
    }

    fn compose(
        &mut self,
        inbox: &Inbox,
        key: &str,
        request: &SendRequest,
        thread_id: Option<String>,
        cc: Vec<String>,
    ) -> Sent {
        let now = self.now();
        let answered = thread_id.as_deref().and_then(|id| self.thread_messages(id).next_back()).cloned();
        let subject = self.subject_of_send(request, thread_id.as_deref());
        let quoted = answered.as_ref().filter(|_| request.include_quote);
        let (text, html) = bodies(request, quoted);
        let provider_message_id = ids::hexadecimal::<16>();
        Sent {
            message_id: ids::id("msg"),
            rfc_message_id: format!("<{provider_message_id}@{}>", self.settings.domain),
            provider_message_id,
            thread_id: thread_id.unwrap_or_else(|| self.open_thread(&inbox.id, &subject, now)),
            inbox_id: inbox.id.clone(),
            idempotency_key: key.to_owned(),
            from: match &inbox.display_name {
                Some(name) => format!("{name} <{}>", inbox.address),
                None => inbox.address.clone(),
            },
            to: request.to.clone(),
            cc,
            reply_to: request.reply_to.clone(),
            subject,
            body: request.body.clone(),
            text,
            html,
            attachments: request.attachments.clone(),
            in_reply_to: answered.as_ref().map(|message| message.rfc_message_id.clone()),
            references: answered.as_ref().map(references_of_answer).unwrap_or_default(),
            sent_at: now,
            relayed: None,
            relay_attempts: Vec::new(),
        }
    }

    fn subject_of_send(&self, request: &SendRequest, thread_id: Option<&str>) -> String {
        let thread = thread_id.and_then(|id| self.thread(id));
        let inherited = thread.map(|thread| subject_of_answer(&thread.subject));
        request.subject.clone().or(inherited).unwrap_or_default()
    }

    /// Puts what was sent into its thread, and delivers it where a recipient lives here too.
    fn file(&mut self, sent: Sent) {
        self.append(outbound_message(&sent), true);
        let mut mail = Mail::from(sent.from.clone())
            .to(sent.to.clone())
            .cc(sent.cc.clone())
            .subject(sent.subject.clone())
            .text(sent.text.clone())
            .message_id(sent.rfc_message_id.clone())
            .references(sent.references.clone());
        mail.html = sent.html.clone();
        mail.in_reply_to = sent.in_reply_to.clone();
        mail.attachments = sent.attachments.clone();
        self.index.add_sent(&sent.message_id, self.sent.len());
        self.sent.push(sent);
        self.queue_for_relay();
        self.receive(&mail);
    }
}

/// The text and the HTML that leave, with the quote appended to both.
fn bodies(request: &SendRequest, quoted: Option<&Message>) -> (String, Option<String>) {
    let (mut text, mut html) = match &request.body_html {
        Some(html) => (request.body.clone(), Some(html.clone())),
        None if html::looks_like_html(&request.body) => {
            (html::text_of(&request.body), Some(request.body.clone()))
        }
        None => (request.body.clone(), None),
    };
    if let Some(message) = quoted {
        text.push_str(&quote::quoted_text(message));
        if let Some(html) = &mut html {
            html.push_str(&quote::quoted_html(message));
        }
    }
    (text, html)
}

fn outbound_message(sent: &Sent) -> Message {
    Message {
        id: sent.message_id.clone(),
        inbox_id: sent.inbox_id.clone(),
        thread_id: sent.thread_id.clone(),
        rfc_message_id: sent.rfc_message_id.clone(),
        direction: Direction::Outbound,
        from: sent.from.clone(),
        to: sent.to.clone(),
        header_to: None,
        delivery_role: None,
        cc: sent.cc.clone(),
        subject: Some(sent.subject.clone()),
        text: sent.text.clone(),
        html: sent.html.clone(),
        attachments: sent.attachments.clone(),
        in_reply_to: sent.in_reply_to.clone(),
        references: sent.references.clone(),
        created_at: sent.sent_at,
        class: Classification::default(),
        lag: None,
    }
}

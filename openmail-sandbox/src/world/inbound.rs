use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    World,
    address::bare,
    clock::iso,
    ids, rows,
    threads::{references_of_answer, subject_of_answer},
};
use crate::model::{Delivered, DeliveryRole, Direction, EventContent, Fault, Inbox, Mail, Message, RowLag};

impl World {
    /// Delivers a mail to every inbox it is for, in the order of its headers, unless a sender rule drops it.
    pub(crate) fn receive(&mut self, mail: &Mail) -> Vec<Delivered> {
        // One mail has one Message-ID, at however many inboxes it arrives.
        let message_id = mail.message_id.clone();
        let message_id = message_id.unwrap_or_else(|| format!("<{}@mail.example>", ids::hexadecimal::<12>()));
        let mail = &mail.clone().message_id(message_id);
        let mut seen = HashSet::new();
        let recipients = addressed(mail).into_iter().filter_map(|(address, role)| {
            let inbox = self.inbox_by_address(address)?;
            Some((inbox.clone(), role))
        });
        let recipients: Vec<_> = recipients.filter(|(inbox, _)| seen.insert(inbox.id.clone())).collect();
        let inbox_ids: Vec<_> = recipients.iter().map(|(inbox, _)| inbox.id.clone()).collect();
        if self.is_dropped(mail, &inbox_ids) {
            return Vec::new();
        }
        recipients.into_iter().map(|(inbox, role)| self.receive_at(&inbox, role, mail)).collect()
    }

    fn receive_at(&mut self, inbox: &Inbox, role: DeliveryRole, mail: &Mail) -> Delivered {
        let message = self.inbound_message(inbox, role, mail);
        self.ledgers.entry(inbox.id.clone()).or_default().warm(&mail.from);
        let content = EventContent::Message { id: message.id.clone(), thread_id: message.thread_id.clone() };
        let mut delivered = Delivered {
            message_id: message.id.clone(),
            thread_id: message.thread_id.clone(),
            event_id: String::new(),
            inbox_id: inbox.id.clone(),
            rfc_message_id: message.rfc_message_id.clone(),
        };
        let at = message.created_at;
        self.append(message, false);
        delivered.event_id = self.publish("message.received", Some(&inbox.id), at, content);
        delivered
    }

    fn inbound_message(&mut self, inbox: &Inbox, role: DeliveryRole, mail: &Mail) -> Message {
        let now = self.now();
        let (in_reply_to, references) = self.inbound_references(inbox, mail);
        let thread_id = self.inbound_thread(inbox, mail, &references, now);
        let thread_subject = self.thread(&thread_id).map(|thread| thread.subject.clone());
        let answers = self.thread_messages(&thread_id).next().is_some();
        let inherited = thread_subject.filter(|_| answers).map(|subject| subject_of_answer(&subject));
        Message {
            id: ids::id("msg"),
            inbox_id: inbox.id.clone(),
            thread_id,
            rfc_message_id: mail.message_id.clone().unwrap_or_default(),
            direction: Direction::Inbound,
            from: mail.from.clone(),
            to: inbox.address.clone(),
            header_to: Some(mail.to.join(", ")).filter(|to| !to.is_empty()),
            delivery_role: Some(role),
            cc: mail.cc.clone(),
            subject: mail.subject.clone().or(inherited),
            text: mail.text.clone().unwrap_or_default(),
            html: mail.html.clone(),
            attachments: mail.attachments.clone(),
            in_reply_to,
            references,
            created_at: now,
            class: mail.class.clone(),
            lag: self.ordered_lag(),
        }
    }

    fn inbound_references(&self, inbox: &Inbox, mail: &Mail) -> (Option<String>, Vec<String>) {
        let own_thread = mail
            .thread_id
            .as_deref()
            .filter(|id| self.thread(id).is_some_and(|thread| thread.inbox_id == inbox.id));
        let answered = own_thread.and_then(|id| self.thread_messages(id).next_back());
        let in_reply_to =
            mail.in_reply_to.clone().or_else(|| answered.map(|message| message.rfc_message_id.clone()));
        let mut references = match (mail.references.is_empty(), answered) {
            (true, Some(answered)) => references_of_answer(answered),
            _ => mail.references.clone(),
        };
        if let Some(id) = in_reply_to.as_ref().filter(|id| !references.contains(id)) {
            references.push(id.clone());
        }
        (in_reply_to, references)
    }

    fn inbound_thread(
        &mut self,
        inbox: &Inbox,
        mail: &Mail,
        references: &[String],
        now: Timestamp,
    ) -> String {
        let named = mail.thread_id.as_deref().and_then(|id| self.thread(id));
        let named = named.filter(|thread| thread.inbox_id == inbox.id).map(|thread| thread.id.clone());
        let known = named.or_else(|| self.thread_of(&inbox.id, references));
        known.unwrap_or_else(|| self.open_thread(&inbox.id, mail.subject.as_deref().unwrap_or(""), now))
    }

    fn ordered_lag(&mut self) -> Option<RowLag> {
        self.faults.take(|fault| match fault {
            Fault::LagRow { reads: None } => Some(RowLag::UntilReleased),
            Fault::LagRow { reads: Some(reads) } => Some(RowLag::Reads(*reads)),
            _ => None,
        })
    }

    /// The event without what differs between deliveries.
    pub(crate) fn received_fields(&self, inbox: &Inbox, message: &Message) -> Map<String, Value> {
        let attachments = message.attachments.iter();
        let attachments: Vec<_> =
            attachments.map(|file| rows::event_attachment(&self.settings, message, file)).collect();
        let mut body = json!({
            "id": message.id,
            "rfc_message_id": message.rfc_message_id,
            "from": message.from,
            "to": inbox.address,
            "cc": message.cc,
            "subject": message.subject,
            "body_text": message.text,
            "attachments": attachments,
            "received_at": iso(message.created_at),
        });
        let class = &message.class;
        for (field, value) in [
            ("category", class.category.as_ref().map(|category| json!(category))),
            ("auto_replyable", class.auto_replyable.map(Value::from)),
            ("verdict", class.verdict.as_ref().map(|verdict| json!(verdict))),
            ("spam_score", class.spam_score.map(Value::from)),
        ] {
            value.into_iter().for_each(|value| body[field] = value);
        }
        let mut payload = Map::from_iter([
            ("inbox_id".to_owned(), json!(inbox.id)),
            ("thread_id".to_owned(), json!(message.thread_id)),
            ("message".to_owned(), body),
        ]);
        if let Some(external_id) = &inbox.external_id {
            payload.insert("external_id".to_owned(), json!(external_id));
        }
        payload
    }

    /// Whether an address ever wrote to this inbox or was written to by it.
    pub(crate) fn is_warm(&self, inbox_id: &str, address: &str) -> bool {
        self.ledgers.get(inbox_id).is_some_and(|ledger| ledger.is_warm(&bare(address)))
    }
}

/// Those who get a mail, and in which role. Whom no header names was written to all the same.
fn addressed(mail: &Mail) -> Vec<(&String, DeliveryRole)> {
    let Some(envelope) = &mail.envelope else {
        let to = mail.to.iter().map(|address| (address, DeliveryRole::To));
        return to.chain(mail.cc.iter().map(|address| (address, DeliveryRole::Cc))).collect();
    };
    let names = |header: &[String], wanted: &str| header.iter().any(|address| bare(address) == wanted);
    let role = |address: &String| {
        let address = bare(address);
        let copied = names(&mail.cc, &address) && !names(&mail.to, &address);
        if copied { DeliveryRole::Cc } else { DeliveryRole::To }
    };
    envelope.iter().map(|address| (address, role(address))).collect()
}

use std::fmt;

use tracing::warn;

use crate::model::{Address, DeliveryRole, Message, Recipients};

/// The most that one answer goes to. Whoever copies an inbox chooses whom it writes to: a stranger must not have it write to everybody.
const MOST: usize = 10;

/// Whom the answer to a mail goes to.
///
/// The sender, unless the inbox was only copied: then the ones the sender wrote to, the first as recipient and the others
/// copied; the service copies the sender by itself. Addresses of the account itself are left out, so that agents do not
/// write to each other, or to themselves, for ever, and nobody is written to twice.
///
/// # Errors
///
/// When nobody is left, or more than ten are.
pub(crate) fn answer_to(
    message: &Message,
    is_own: &dyn Fn(&Address) -> bool,
) -> Result<Recipients, NobodyToAnswer> {
    let copied = message.delivery_role == Some(DeliveryRole::Cc) && !message.header_to.is_empty();
    let asked: &[Address] = if copied { &message.header_to } else { message.from.as_slice() };
    let mut others: Vec<&Address> = Vec::new();
    for address in asked.iter().filter(|address| !is_own(address)) {
        if others.contains(&address) {
            continue;
        }
        if others.len() == MOST {
            return Err(NobodyToAnswer::TooMany(others[0].clone()));
        }
        others.push(address);
    }
    let mut others = others.into_iter().cloned();
    let to = others
        .next()
        .ok_or_else(|| asked.first().cloned().map_or(NobodyToAnswer::Unreadable, NobodyToAnswer::Own))?;
    let mut recipients = Recipients::one(to);
    recipients.cc = others.collect();
    Ok(recipients)
}

/// Copies whomever else the mail was written or copied to, as far as one answer may go.
pub(crate) fn copy_all(recipients: &mut Recipients, message: &Message, is_own: &dyn Fn(&Address) -> bool) {
    let named = message.from.iter().chain(&message.header_to).chain(&message.cc);
    for address in named.filter(|address| !is_own(address)) {
        if recipients.to == *address || recipients.cc.contains(address) {
            continue;
        }
        if recipients.cc.len() + 1 == MOST {
            warn!(mail = %message.id, most = MOST, "an answer to all does not go to all: they are too many");
            break;
        }
        recipients.cc.push(address.clone());
    }
}

/// Why an answer goes to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NobodyToAnswer {
    /// Its sender is not an address.
    Unreadable,
    /// It names addresses of this account only, this one first.
    Own(Address),
    /// The inbox was only copied, and the mail was written to more than an answer may go to, this one first.
    TooMany(Address),
}

impl fmt::Display for NobodyToAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the mail names nobody to answer: its sender is not an address",
            Self::Own(_) => "the mail names nobody to answer but inboxes of this account",
            Self::TooMany(_) => "the mail was written to more than ten others: write to them with `Compose` where they are to be answered",
        })
    }
}

impl std::error::Error for NobodyToAnswer {}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn mail(role: DeliveryRole) -> Message {
        let mut message = Message::new("msg_1");
        message.from = Some(address("Ada <ada@example.com>"));
        message.header_to =
            vec![address("bob@b.example"), address("us@agents.example"), address("cyd@c.example")];
        message.delivery_role = Some(role);
        message
    }

    fn is_ours(address: &Address) -> bool {
        address.domain() == "agents.example"
    }

    #[test]
    fn an_addressed_inbox_answers_the_sender() {
        let recipients = answer_to(&mail(DeliveryRole::To), &is_ours).unwrap();
        assert_eq!(recipients, Recipients::one(address("ada@example.com")));
    }

    #[test]
    fn a_copied_inbox_answers_whom_the_sender_wrote_to() {
        let recipients = answer_to(&mail(DeliveryRole::Cc), &is_ours).unwrap();
        assert_eq!(recipients.to, address("bob@b.example"));
        assert_eq!(recipients.cc, [address("cyd@c.example")]);
    }

    #[test]
    fn a_mail_to_a_crowd_is_answered_to_nobody_and_nobody_twice() {
        let mut message = mail(DeliveryRole::Cc);
        message.header_to = (0..MOST).map(|n| address(&format!("{n}@b.example"))).collect();
        message.header_to.extend([address("us@agents.example"), address("Again <0@B.example>")]);
        assert_eq!(answer_to(&message, &is_ours).unwrap().cc.len(), MOST - 1);
        message.header_to.push(address("one-more@b.example"));
        let nobody = NobodyToAnswer::TooMany(address("0@b.example"));
        assert_eq!(answer_to(&message, &is_ours), Err(nobody));
    }

    #[test]
    fn an_answer_to_all_goes_to_each_once_and_to_no_own_inbox() {
        let mut message = mail(DeliveryRole::To);
        message.cc =
            vec![address("dan@d.example"), address("Bob <BOB@b.example>"), address("me@agents.example")];
        let mut recipients = answer_to(&message, &is_ours).unwrap();
        copy_all(&mut recipients, &message, &is_ours);
        assert_eq!(recipients.to, address("ada@example.com"));
        assert_eq!(recipients.cc, ["bob@b.example", "cyd@c.example", "dan@d.example"].map(address));
        message.cc = (0..2 * MOST).map(|n| address(&format!("{n}@b.example"))).collect();
        copy_all(&mut recipients, &message, &is_ours);
        assert_eq!(recipients.cc.len(), MOST - 1);
    }

    #[test]
    fn an_own_address_is_never_answered() {
        let mut message = mail(DeliveryRole::To);
        message.from = Some(address("other@AGENTS.example").clone());
        assert_eq!(
            answer_to(&message, &|a| a.domain().eq_ignore_ascii_case("agents.example")),
            Err(NobodyToAnswer::Own(address("other@agents.example")))
        );
    }
}

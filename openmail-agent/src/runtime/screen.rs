//! Which mail never reaches a handler.

use crate::model::{Address, Category, Direction, Message, Verdict};

use super::AllowedSenders;

/// Why this mail is set aside instead of handled, if it is.
///
/// What is set aside is parked with the reason, so that the operator sees it; it is never silently dropped.
pub(super) fn reason_to_park(
    message: &Message,
    allowed: &AllowedSenders,
    is_own: &dyn Fn(&Address) -> bool,
) -> Option<String> {
    if let Some(harm) = harm(message) {
        return Some(format!("the service takes it for {harm}"));
    }
    if message.direction == Direction::Outbound {
        return Some("it is a mail this inbox sent".to_owned());
    }
    if message.from.as_ref().is_some_and(is_own) {
        return Some(
            "it comes from an inbox of this account: agents that answer each other never stop".to_owned(),
        );
    }
    if !allowed.contains(message.from.as_ref()) {
        return Some("its sender is not among OPENMAIL_ALLOWED_SENDERS".to_owned());
    }
    None
}

/// The same for mail of which only the event is known, so that what strangers send costs no request. What the event does not say, the
/// row may: whom the mail is from.
pub(super) fn reason_to_park_unread(
    hint: &Message,
    allowed: &AllowedSenders,
    is_own: &dyn Fn(&Address) -> bool,
) -> Option<String> {
    // A category speaks where there is no verdict, and the row may have one.
    let is_told = match harm(hint) {
        Some(_) => hint.verdict.is_some(),
        None => hint.from.is_some(),
    };
    reason_to_park(hint, allowed, is_own).filter(|_| is_told)
}

/// Which mail a handler of another mail of the conversation may see: what the inbox wrote, and of what it was sent what is
/// neither harmful nor of somebody whose mail is not handled.
pub(super) fn visible(allowed: AllowedSenders) -> impl Fn(&Message) -> bool + Send + Sync + 'static {
    move |message| {
        message.direction == Direction::Outbound
            || harm(message).is_none() && allowed.contains(message.from.as_ref())
    }
}

/// What the service takes it for. Where it has no verdict on a mail, it may have put it into a category all the same.
fn harm(message: &Message) -> Option<&'static str> {
    match (&message.verdict, &message.category) {
        (Some(Verdict::Spam), _) | (None, Some(Category::Spam)) => Some("spam"),
        (Some(Verdict::Malicious), _) | (None, Some(Category::Malicious)) => Some("malicious"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Message {
        let mut message = Message::new("msg_1");
        message.from = Some(text.parse().unwrap());
        message
    }

    fn parked(message: &Message, allowed: &AllowedSenders) -> bool {
        reason_to_park(message, allowed, &|address| address.domain() == "agents.example").is_some()
    }

    #[test]
    fn harmful_mail_never_reaches_a_handler() {
        for verdict in [Verdict::Spam, Verdict::Malicious] {
            let mut message = from("ada@example.com");
            message.verdict = Some(verdict);
            assert!(parked(&message, &AllowedSenders::everyone()));
        }
        for category in [Category::Spam, Category::Malicious] {
            let mut message = from("ada@example.com");
            message.category = Some(category);
            assert!(parked(&message, &AllowedSenders::everyone()), "without a verdict its category counts");
            message.verdict = Some(Verdict::Clean);
            assert!(!parked(&message, &AllowedSenders::everyone()), "the verdict is the service's last word");
        }
    }

    #[test]
    fn before_the_row_is_read_only_what_it_cannot_change_counts() {
        let parked = |message: &Message, allowed: &AllowedSenders| {
            reason_to_park_unread(message, allowed, &|address| address.domain() == "agents.example").is_some()
        };
        let (everyone, boss) = (AllowedSenders::everyone(), "boss@corp.example".parse().unwrap());
        assert!(parked(&from("bot@agents.example"), &everyone) && parked(&from("ada@example.com"), &boss));
        assert!(!parked(&Message::new("msg_1"), &boss), "the row may say whom it is from");
        let mut message = from("ada@example.com");
        message.category = Some(Category::Spam);
        assert!(!parked(&message, &everyone), "the row may have a verdict");
        message.verdict = Some(Verdict::Spam);
        assert!(parked(&message, &everyone));
    }

    #[test]
    fn mail_of_an_own_inbox_is_set_aside() {
        assert!(parked(&from("bot@agents.example"), &AllowedSenders::everyone()));
        assert!(!parked(&from("ada@example.com"), &AllowedSenders::everyone()));
    }

    #[test]
    fn only_allowed_senders_are_served_where_a_list_is_given() {
        let allowed: AllowedSenders = "boss@corp.example, example.com".parse().unwrap();
        assert!(!parked(&from("ada@EXAMPLE.com"), &allowed));
        assert!(!parked(&from("Boss@corp.example"), &allowed));
        assert!(parked(&from("eve@corp.example"), &allowed));
        assert!(parked(&from("eve@sub.example.com"), &allowed));
        assert!(parked(&Message::new("msg_without_sender"), &allowed));
    }

    #[test]
    fn a_name_does_not_pass_for_an_allowed_sender() {
        let allowed: AllowedSenders = "boss@corp.example".parse().unwrap();
        for from in ["boss@corp.example, Eve <eve@evil.example>", "boss@corp.example, eve@evil.example"] {
            let body = format!(
                r#"{{"event":"message.received","event_id":"evt_1","message":{{"id":"m","from":"{from}"}}}}"#
            );
            let event = crate::wire::event::decode(body.as_bytes(), None).unwrap();
            let crate::model::Payload::Message(message) = event.payload else { panic!("no mail") };
            assert!(parked(&message, &allowed), "{from}");
        }
    }
}

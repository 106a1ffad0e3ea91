use std::fmt;

use crate::handler::PayloadKind;
use crate::model::{EventKind, InboxId};

/// Something that is wrong with the handlers, found before the first mail.
///
/// `Display` says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StartProblem {
    /// There is no handler at all.
    NoHandlers,
    /// Two handlers have the same name.
    DuplicateName {
        /// The name.
        handler: String,
    },
    /// A handler takes a state that nobody gave.
    MissingState {
        /// The handler.
        handler: String,
        /// The state's type.
        type_name: &'static str,
    },
    /// A handler takes something that its events never carry.
    WrongPayload {
        /// The handler.
        handler: String,
        /// What it takes.
        payload: PayloadKind,
        /// The kind of event.
        kind: EventKind,
    },
    /// The kind of event cannot exist.
    MalformedEvent {
        /// The handler.
        handler: String,
        /// The kind.
        kind: EventKind,
        /// The known kind that was probably meant.
        meant: Option<EventKind>,
    },
    /// A handler chooses inboxes in more than one way.
    SeveralSelections {
        /// The handler.
        handler: String,
    },
    /// What should be an inbox is neither an id nor an address.
    MalformedInbox {
        /// The handler.
        handler: String,
        /// What was given.
        inbox: String,
    },
    /// The configuration does not bind a name.
    UnboundName {
        /// The handler.
        handler: String,
        /// The name, with its `$`.
        name: String,
        /// Names that are bound.
        near: Near,
    },
    /// The account has no such inbox, or the key does not see it.
    UnknownInbox {
        /// The handler.
        handler: String,
        /// Its id or address.
        inbox: String,
        /// The name that is bound to it.
        bound_by: Option<String>,
        /// Inboxes that there are.
        near: Near,
    },
    /// No inbox has this external id.
    UnknownExternalId {
        /// The handler.
        handler: String,
        /// The external id.
        external_id: String,
        /// External ids that there are.
        near: Near,
    },
    /// No inbox is in this pod.
    UnknownPod {
        /// The handler.
        handler: String,
        /// The pod.
        pod: String,
        /// Pods that there are.
        near: Near,
    },
    /// It exists, but this process serves one inbox alone, which is another.
    ServedElsewhere {
        /// The handler.
        handler: String,
        /// The inbox, external id or pod.
        named: String,
        /// The only inbox that is served.
        only: InboxId,
    },
    /// An event of a whole pod can never reach the handler of one inbox.
    PodEventAtInbox {
        /// The handler.
        handler: String,
        /// The kind of event.
        kind: EventKind,
    },
    /// A pattern cannot be read.
    MalformedPattern {
        /// The handler.
        handler: String,
        /// `from` or `subject`.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Only mail has a sender and a subject.
    FilterWithoutMail {
        /// The handler.
        handler: String,
        /// The kind of event.
        kind: EventKind,
    },
    /// A fallback takes what is left, and so has no filters.
    FilteredFallback {
        /// The handler.
        handler: String,
    },
    /// The timeout is zero.
    ZeroTimeout {
        /// The handler.
        handler: String,
    },
    /// The concurrency is zero.
    ZeroConcurrency {
        /// The handler.
        handler: String,
    },
    /// Two handlers want exactly the same events.
    Overlap {
        /// The one declared first.
        first: String,
        /// The other.
        second: String,
        /// The kind of event.
        kind: EventKind,
    },
    /// Another handler takes everything before this one is asked.
    Unreachable {
        /// The handler.
        handler: String,
        /// Who takes it all.
        covered_by: String,
    },
}

impl StartProblem {
    /// Whether it is about which inboxes there are, and so means nothing where they could not be listed.
    #[must_use]
    pub(crate) fn is_about_inboxes(&self) -> bool {
        matches!(
            self,
            Self::UnknownInbox { .. }
                | Self::UnknownExternalId { .. }
                | Self::UnknownPod { .. }
                | Self::ServedElsewhere { .. }
        )
    }
}

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHandlers => f.write_str(
                "there is no handler: write an async function with `#[mail_handler]` and give it with `.handlers(handlers![..])`",
            ),
            Self::DuplicateName { handler } => write!(
                f,
                "two handlers are called `{handler}`: rename one, or give it a name of its own by `name = \"..\"`, since the name is part of what keeps a reply from being sent twice"
            ),
            Self::MissingState { handler, type_name } => write!(
                f,
                "handler `{handler}` takes `State<{type_name}>`, which nobody gave: add `.state(..)` with a value of that type"
            ),
            Self::WrongPayload { handler, payload, kind } => wrong_payload(f, handler, *payload, kind),
            Self::MalformedEvent { handler, kind, meant: Some(meant) } => {
                write!(f, "handler `{handler}` is for `{kind}`, of which there is none: did you mean `{meant}`?")
            }
            Self::MalformedEvent { handler, kind, meant: None } => write!(
                f,
                "handler `{handler}` is for `{kind}`, which is no kind of event: write it like `message.received`"
            ),
            Self::SeveralSelections { handler } => write!(
                f,
                "handler `{handler}` chooses its inboxes in more than one way: keep one of `inbox`, `external_id` and `pod`"
            ),
            Self::MalformedInbox { handler, inbox } => write!(
                f,
                "handler `{handler}` is for the inbox `{inbox}`: write an id such as `inb_8f3a`, an address such as `support@acme.openmail.sh`, or `$name` for one that the configuration binds"
            ),
            Self::UnboundName { handler, name, near } => write!(
                f,
                "handler `{handler}` is for the inbox `{name}`, a name that the configuration does not bind: set OPENMAIL_INBOX_{} to an inbox's id or address{near}",
                name.trim_start_matches('$').to_ascii_uppercase()
            ),
            Self::UnknownInbox { handler, inbox, bound_by, near } => {
                write!(f, "handler `{handler}` is for the inbox `{inbox}`")?;
                if let Some(name) = bound_by {
                    write!(f, ", which `{name}` is bound to")?;
                }
                write!(f, ", but the key sees no such inbox: create it, or correct the name{near}")
            }
            Self::UnknownExternalId { handler, external_id, near } => write!(
                f,
                "handler `{handler}` is for the external id `{external_id}`, which no inbox has that the key sees: create one with it, or correct it{near}"
            ),
            Self::UnknownPod { handler, pod, near } => write!(
                f,
                "handler `{handler}` is for the pod `{pod}`, in which there is no inbox that the key sees: create one in it, or correct its id{near}"
            ),
            Self::ServedElsewhere { handler, named, only } => write!(
                f,
                "handler `{handler}` is for `{named}`, but this process serves `{only}` alone: leave the handler out of it, or unset OPENMAIL_INBOX_ID and OPENMAIL_ADDRESS"
            ),
            Self::PodEventAtInbox { handler, kind } => write!(
                f,
                "handler `{handler}` is for `{kind}`, which is about a whole pod and never about one inbox: choose by `pod`, or leave the inbox out"
            ),
            Self::MalformedPattern { handler, key, pattern, reason } => {
                write!(f, "handler `{handler}` has the `{key}` pattern `{pattern}`: {reason}")
            }
            Self::FilterWithoutMail { handler, kind } => write!(
                f,
                "handler `{handler}` has a `from` or `subject` pattern, but `{kind}` is no mail and has neither: leave the pattern out"
            ),
            Self::FilteredFallback { handler } => write!(
                f,
                "handler `{handler}` is a fallback, which takes whatever is left: leave out `from` and `subject`, or `fallback`"
            ),
            Self::ZeroTimeout { handler } => write!(
                f,
                "handler `{handler}` has a timeout of zero, in which it can do nothing: give it some time, or leave the timeout out"
            ),
            Self::ZeroConcurrency { handler } => write!(
                f,
                "handler `{handler}` has a concurrency of zero, with which it never runs: give it 1 or more, or leave it out"
            ),
            Self::Overlap { first, second, kind } => write!(
                f,
                "handlers `{first}` and `{second}` want exactly the same `{kind}` events: remove one, or tell them apart by inbox, `from` or `subject`"
            ),
            Self::Unreachable { handler, covered_by } => write!(
                f,
                "handler `{handler}` can never be reached, since `{covered_by}` takes everything before it: declare it earlier, narrow `{covered_by}`, or remove one"
            ),
        }
    }
}

impl std::error::Error for StartProblem {}

fn wrong_payload(
    f: &mut fmt::Formatter<'_>,
    handler: &str,
    payload: PayloadKind,
    kind: &EventKind,
) -> fmt::Result {
    let (argument, event) = match payload {
        PayloadKind::Mail => ("made from a mail, such as `Mail` or `Thread`", "message.received"),
        PayloadKind::Lifecycle => ("`Lifecycle`", "inbox.suspended"),
        PayloadKind::SendFailure => ("`SendFailure`", "reply.failed"),
        PayloadKind::Inbox => ("about one inbox, such as `Inbox` or `Compose`", "message.received"),
    };
    write!(
        f,
        "handler `{handler}` is for `{kind}`, but takes an argument {argument}, which comes with `{event}`: correct the `event`, or take an `Option` of it or the whole `Event`"
    )
}

/// Names that are close to one that was not found, the closest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Near(Vec<String>);

impl Near {
    /// How many are shown.
    const MOST: usize = 3;

    pub(super) fn find<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let wanted = wanted.to_lowercase();
        let mut near: Vec<_> = names
            .map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name))
            .filter(|(distance, name)| *distance <= 1.max(name.len() / 3))
            .collect();
        near.sort_unstable();
        Self(near.into_iter().take(Self::MOST).map(|(_, name)| name.to_owned()).collect())
    }

    pub(super) fn map(self, change: impl Fn(String) -> String) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let before = if at == 0 { " (did you mean " } else { " or " };
            write!(f, "{before}`{name}`")?;
        }
        f.write_str(if self.0.is_empty() { "" } else { "?)" })
    }
}

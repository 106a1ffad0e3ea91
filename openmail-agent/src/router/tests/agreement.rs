//! The table against a plain reading of the rules, one handler after the other.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::entry::Entry;
use super::super::inboxes::Key;
use super::super::pattern::MailFacts;
use super::*;

/// What one handler says it is for.
#[derive(Debug, Clone)]
struct Said {
    key: Option<(char, &'static str)>,
    from: Option<&'static str>,
    subject: Option<&'static str>,
    fallback: bool,
    kind: &'static str,
}

fn said() -> impl Strategy<Value = Said> {
    let key = select(vec![
        None,
        Some(('i', "inb_1")),
        Some(('i', "inb_2@acme.openmail.sh")),
        Some(('e', "user_1")),
        Some(('p', "pod_1")),
    ]);
    let from = select(vec![None, None, Some("x.example"), Some("*@{x,y}.example"), Some("ada@y.example")]);
    let subject = select(vec![None, None, Some("*invoice*"), Some("a*b"), Some("[{1,2}]*")]);
    let kind = select(vec!["message.received", "message.received", "message.bounced"]);
    (key, from, subject, any::<bool>(), kind).prop_map(|(key, from, subject, fallback, kind)| Said {
        key,
        from,
        subject,
        fallback: fallback && from.is_none() && subject.is_none(),
        kind,
    })
}

fn declared(at: usize, said: &Said) -> Route {
    let mut route = route(&format!("h{at}")).event(said.kind);
    route = match said.key {
        Some(('i', name)) => route.inbox(name),
        Some(('e', name)) => route.external_id(name),
        Some((_, name)) => route.pod(name),
        None => route,
    };
    if let (Some(from), "message.received") = (said.from, said.kind) {
        route = route.from(from);
    }
    if let (Some(subject), "message.received") = (said.subject, said.kind) {
        route = route.subject(subject);
    }
    if said.fallback { route.fallback() } else { route }
}

/// The table, whatever is wrong with it.
fn collect(routes: Vec<Route>) -> (Router, Vec<StartProblem>) {
    Router::collect(routes, &RouterFacts::new(&inboxes(), &BTreeMap::new(), &States::default()))
}

/// How specific the handler's choice of this inbox is, the most specific first; `None` where it is not for it.
fn level(entry: &Entry, inbox: &Inbox) -> Option<u8> {
    let of = |key: &Key| match key {
        Key::Inbox(id) => (*id == inbox.id).then_some(0),
        Key::External(id) => (inbox.external_id.as_ref() == Some(id)).then_some(0),
        Key::Pod(id) => (inbox.pod_id.as_ref() == Some(id)).then_some(1),
        Key::Any => Some(2),
    };
    entry.keys.iter().filter_map(of).min()
}

/// The rules as they are written down: of the handlers that fit, the first by (fallback, level, no patterns, declaration).
fn by_the_rules(router: &Router, kind: &EventKind, inbox: &Inbox, message: &Message) -> Option<String> {
    let fitting = router.entries().iter().enumerate().filter_map(|(at, entry)| {
        let fits = entry.kinds.contains(kind) && entry.filters.fit(&MailFacts::new(Some(message)));
        let level = level(entry, inbox).filter(|_| fits)?;
        Some(((entry.fallback, level, !entry.is_filtered(), at), entry.name().to_string()))
    });
    fitting.min().map(|(_, name)| name)
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_rules(
        handlers in prop::collection::vec(said(), 1..7),
        place in select(vec![
            inbox("inb_1", Some("user_1"), Some("pod_1")),
            inbox("inb_2", None, Some("pod_1")),
            inbox("inb_3", None, None),
            inbox("inb_new", Some("user_1"), None),
            inbox("inb_new", None, Some("pod_1")),
        ]),
        from in select(vec!["", "ada@x.example", "Ada <ada@Y.example>", "bob@z.example"]),
        subject in select(vec!["", "Re: an invoice", "ab", "[2] a/b", "Fwd: aw: axxB"]),
        kind in select(vec!["message.received", "message.bounced", "inbox.suspended"]),
    ) {
        let routes = handlers.iter().enumerate().map(|(at, said)| declared(at, said)).collect();
        let (router, _) = collect(routes);
        let message = mail(from, subject);
        let event = event(EventKind::new(kind), Some(&place), Payload::Message(std::sync::Arc::new(message.clone())));
        let taken = router.route(&event, None, Some(&place)).map(|entry| entry.name().to_string());
        prop_assert_eq!(taken, by_the_rules(&router, &event.kind, &place, &message));
    }

    #[test]
    fn a_handler_called_unreachable_takes_nothing(
        handlers in prop::collection::vec(said(), 2..6),
        place in select(inboxes()),
        from in select(vec!["", "ada@x.example", "ada@y.example"]),
        subject in select(vec!["", "invoice", "ab", "[1]"]),
    ) {
        let routes = handlers.iter().enumerate().map(|(at, said)| declared(at, said)).collect();
        let (router, problems) = collect(routes);
        let unreachable: Vec<_> = problems.into_iter().filter_map(|problem| match problem {
            StartProblem::Unreachable { handler, .. } => Some(handler),
            _ => None,
        }).collect();
        if let Some(taker) = taker(&router, &place, mail(from, subject)) {
            prop_assert!(!unreachable.iter().any(|name| name == taker), "{} takes it", taker);
        }
    }
}

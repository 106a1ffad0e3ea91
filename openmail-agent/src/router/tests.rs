use std::collections::BTreeMap;
use std::time::Duration;

use crate::handler::{Compose, Mail, State, States};
use crate::model::{Event, EventKind, Inbox, Lifecycle, Message, Payload, SendFailure};

use super::{Route, Router, RouterFacts, StartProblem};

mod agreement;

async fn anything() {}
async fn of_mail(_: Mail) {}
async fn of_lifecycle(_: Lifecycle) {}
async fn of_inbox(_: Inbox) {}
async fn of_compose(_: Compose) {}
async fn with_state(_: State<u8>, _: State<u8>, _: State<i64>) {}

fn route(name: &str) -> Route {
    Route::new(name, anything)
}

fn inbox(id: &str, external_id: Option<&str>, pod_id: Option<&str>) -> Inbox {
    let mut inbox = Inbox::new(id);
    inbox.address = format!("{id}@acme.openmail.sh").parse().ok();
    inbox.external_id = external_id.map(Into::into);
    inbox.pod_id = pod_id.map(Into::into);
    inbox
}

fn inboxes() -> Vec<Inbox> {
    vec![
        inbox("inb_1", Some("user_1"), Some("pod_1")),
        inbox("inb_2", None, Some("pod_1")),
        inbox("inb_3", None, None),
    ]
}

fn build(routes: Vec<Route>) -> Result<Router, Vec<StartProblem>> {
    let bindings = BTreeMap::from([
        ("support".to_owned(), "INB_1@acme.openmail.sh".to_owned()),
        ("gone".to_owned(), "inb_9".to_owned()),
    ]);
    let mut states = States::default();
    states.insert(7_i64);
    Router::build(routes, &RouterFacts::new(&inboxes(), &bindings, &states))
}

fn problems(routes: Vec<Route>) -> Vec<String> {
    build(routes).expect_err("it started").iter().map(ToString::to_string).collect()
}

fn event(kind: EventKind, inbox: Option<&Inbox>, payload: Payload) -> Event {
    Event {
        id: "evt_1".into(),
        kind,
        occurred_at: None,
        inbox_id: inbox.map(|inbox| inbox.id.clone()),
        external_id: None,
        thread_id: None,
        payload,
    }
}

fn mail(from: &str, subject: &str) -> Message {
    let mut message = Message::new("msg_1");
    message.from = from.parse().ok();
    message.subject = Some(subject.to_owned());
    message
}

fn taker<'a>(router: &'a Router, inbox: &Inbox, message: Message) -> Option<&'a str> {
    let event =
        event(EventKind::MESSAGE_RECEIVED, Some(inbox), Payload::Message(std::sync::Arc::new(message)));
    router.route(&event, None, Some(inbox)).map(|entry| &**entry.name())
}

fn is_one_about(problems: &[String], words: &[&str]) {
    let [problem] = problems else { panic!("not one problem: {problems:#?}") };
    for word in words {
        assert!(problem.contains(word), "`{word}` is not in: {problem}");
    }
}

#[test]
fn the_specific_is_asked_before_the_wide_and_patterns_before_the_rest() {
    let router = build(vec![
        route("everyone"),
        route("pod").pod("pod_1"),
        route("support").inbox("$Support"),
        route("invoices").external_id("user_1").subject("*invoice*"),
        route("vip").inbox("inb_1").from("example.com"),
    ])
    .unwrap();
    let [one, two, three] = &inboxes()[..] else { unreachable!() };
    assert_eq!(taker(&router, one, mail("ada@example.com", "an invoice")), Some("invoices"));
    assert_eq!(taker(&router, one, mail("ada@example.com", "")), Some("vip"));
    assert_eq!(taker(&router, one, mail("bob@example.org", "")), Some("support"));
    assert_eq!(taker(&router, two, mail("ada@example.com", "")), Some("pod"));
    assert_eq!(taker(&router, three, mail("ada@example.com", "")), Some("everyone"));
}

#[test]
fn a_fallback_takes_only_what_nobody_else_takes() {
    let router = build(vec![
        route("rest").fallback(),
        route("rest_of_one").inbox("inb_1").fallback(),
        route("invoices").subject("*invoice*"),
    ])
    .unwrap();
    let [one, two, _] = &inboxes()[..] else { unreachable!() };
    assert_eq!(taker(&router, one, mail("", "invoice")), Some("invoices"));
    assert_eq!(taker(&router, one, mail("", "")), Some("rest_of_one"));
    assert_eq!(taker(&router, two, mail("", "")), Some("rest"));
}

#[test]
fn an_inbox_that_came_after_the_start_is_served_by_its_pod_or_external_id() {
    let router = build(vec![route("pod").pod("pod_1"), route("user").external_id("user_1")]).unwrap();
    assert_eq!(taker(&router, &inbox("inb_new", None, Some("pod_1")), mail("", "")), Some("pod"));
    assert_eq!(taker(&router, &inbox("inb_new", Some("user_1"), Some("pod_1")), mail("", "")), Some("user"));
    assert_eq!(taker(&router, &inbox("inb_new", None, None), mail("", "")), None);
}

#[test]
fn news_of_a_pod_finds_its_handler_by_the_pod() {
    let router = build(vec![
        Route::new("news", of_lifecycle).event("pod.suspended").event("inbox.suspended").pod("pod_1"),
    ])
    .unwrap();
    let mut lifecycle = Lifecycle::new(EventKind::POD_SUSPENDED);
    lifecycle.pod_id = Some("pod_1".into());
    let of_pod = event(EventKind::POD_SUSPENDED, None, Payload::Lifecycle(lifecycle));
    assert!(router.route(&of_pod, None, None).is_some());
    let failure = Payload::SendFailure(SendFailure::new("key", "news", None, "no"));
    let other = event(EventKind::REPLY_FAILED, Some(&inboxes()[0]), failure);
    assert!(router.route(&other, None, Some(&inboxes()[0])).is_none());
}

#[test]
fn an_entry_says_how_it_is_run() {
    let router = build(vec![
        route("slow")
            .description("Thinks.")
            .timeout(Duration::from_secs(9))
            .retries(0)
            .concurrency(2)
            .inbox("inb_3"),
        route("plain"),
    ])
    .unwrap();
    let [slow, plain] = router.entries() else { unreachable!() };
    assert_eq!((slow.timeout(), slow.attempts(), slow.concurrency()), (Duration::from_secs(9), 1, Some(2)));
    assert_eq!(
        (plain.timeout(), plain.attempts(), plain.concurrency()),
        (Duration::from_secs(300), 11, None)
    );
    assert_eq!(slow.to_string(), "slow: message.received in inb_3");
    assert_eq!(slow.description(), Some("Thinks."));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let found = problems(vec![
        route("a").inbox("inb_8").timeout(Duration::ZERO),
        route("a").inbox("inb_2").from("{"),
        Route::new("c", with_state).concurrency(0),
    ]);
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn no_handlers_and_doubled_names_are_told() {
    is_one_about(&problems(vec![]), &["no handler", "#[mail_handler]"]);
    is_one_about(
        &problems(vec![route("a").inbox("inb_1"), route("a").inbox("inb_2")]),
        &["two", "`a`", "rename"],
    );
}

#[test]
fn a_missing_state_is_told_once() {
    is_one_about(&problems(vec![Route::new("a", with_state)]), &["`a`", "State<u8>", ".state("]);
}

#[test]
fn an_argument_that_the_event_never_carries_is_told() {
    let wrong = problems(vec![Route::new("a", of_mail).event("inbox.suspended")]);
    is_one_about(&wrong, &["`inbox.suspended`", "`Mail`", "message.received"]);
    is_one_about(&problems(vec![Route::new("a", of_lifecycle)]), &["`message.received`", "`Lifecycle`"]);
    let of_one_inbox = [Route::new("a", of_inbox), Route::new("a", of_compose)];
    for route in of_one_inbox.map(|route| route.event("pod.suspended")) {
        is_one_about(&problems(vec![route]), &["`pod.suspended`", "`Inbox` or `Compose`"]);
    }
}

#[test]
fn kinds_that_cannot_exist_are_told() {
    is_one_about(&problems(vec![route("a").event("message.recieved")]), &["did you mean `message.received`"]);
    is_one_about(&problems(vec![route("a").event("received")]), &["no kind of event"]);
    assert!(build(vec![route("a").event("message.bounced")]).is_ok());
}

#[test]
fn what_another_process_serves_is_not_taken_for_missing() {
    let (inboxes, bindings, states) = (inboxes(), BTreeMap::new(), States::default());
    let build = |only: &str, route: Route| {
        let facts = RouterFacts::new(&inboxes, &bindings, &states);
        Router::build(vec![route], &facts.serving_only(Some(&only.into())))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    for name in ["inb_1", "INB_1@acme.openmail.sh"] {
        assert!(build("inb_1", route("a").inbox(name)).is_ok());
        is_one_about(&build("inb_2", route("a").inbox(name)).unwrap_err(), &[name, "serves `inb_2` alone"]);
    }
    assert!(build("inb_1", route("a").external_id("user_1")).is_ok());
    assert!(build("inb_2", route("a").pod("pod_1")).is_ok());
    let elsewhere = &["serves `inb_3` alone", "OPENMAIL_INBOX_ID"];
    is_one_about(&build("inb_3", route("a").external_id("user_1")).unwrap_err(), elsewhere);
    is_one_about(&build("inb_3", route("a").pod("pod_1")).unwrap_err(), elsewhere);
    is_one_about(&build("inb_3", route("a").inbox("inb_9")).unwrap_err(), &["the key sees no such inbox"]);
}

#[test]
fn inboxes_that_are_not_there_are_told_with_near_ones() {
    is_one_about(&problems(vec![route("a").inbox("inb_4")]), &["`inb_4`", "did you mean `inb_1`"]);
    let address = problems(vec![route("a").inbox("inb_l@acme.openmail.sh")]);
    is_one_about(&address, &["did you mean `inb_1@acme.openmail.sh`"]);
    is_one_about(&problems(vec![route("a").inbox("$suport")]), &["`$suport`", "did you mean `$support`"]);
    is_one_about(&problems(vec![route("a").inbox("$gone")]), &["`inb_9`", "`$gone` is bound"]);
    is_one_about(&problems(vec![route("a").inbox("two words")]), &["write an id such as"]);
    is_one_about(&problems(vec![route("a").inbox("a@b@c")]), &["write an id such as"]);
    is_one_about(&problems(vec![route("a").external_id("user_2")]), &["`user_2`", "`user_1`"]);
    is_one_about(&problems(vec![route("a").pod("pod_2")]), &["`pod_2`", "`pod_1`"]);
}

#[test]
fn two_handlers_for_the_same_mail_are_told_whatever_they_call_the_inbox() {
    let same = ["inb_1", "inb_1@acme.openmail.sh", "$support"];
    for other in same {
        is_one_about(
            &problems(vec![route("a").inbox("inb_1"), route("b").inbox(other)]),
            &["`a`", "`b`", "exactly"],
        );
    }
    is_one_about(&problems(vec![route("a").inbox("inb_1"), route("b").external_id("user_1")]), &["exactly"]);
    is_one_about(&problems(vec![route("a"), route("b")]), &["exactly"]);
    is_one_about(&problems(vec![route("a").fallback(), route("b").fallback()]), &["exactly"]);
    is_one_about(&problems(vec![route("a").from("X.example"), route("b").from("x.example")]), &["exactly"]);
}

#[test]
fn a_handler_that_can_never_be_reached_is_told() {
    let narrow = route("b").from("x.example").subject("*invoice*");
    is_one_about(&problems(vec![route("a").from("x.example"), narrow.clone()]), &["`b`", "never", "`a`"]);
    assert!(build(vec![narrow, route("a").from("x.example")]).is_ok());
    is_one_about(&problems(vec![route("a"), route("b").inbox("inb_1").fallback()]), &["`b`", "never", "`a`"]);
    is_one_about(&problems(vec![route("a").pod("pod_1"), route("b").inbox("inb_1").fallback()]), &["never"]);
    assert!(build(vec![route("a").pod("pod_1"), route("b").inbox("inb_3").fallback()]).is_ok());
    is_one_about(&problems(vec![route("a").subject("*"), route("b").from("x.example")]), &["never"]);
}

#[test]
fn settings_that_contradict_each_other_are_told() {
    is_one_about(&problems(vec![route("a").inbox("inb_1").pod("pod_1")]), &["more than one way"]);
    is_one_about(&problems(vec![route("a").fallback().from("x.example")]), &["fallback"]);
    is_one_about(&problems(vec![route("a").event("reply.failed").subject("*x")]), &["no mail"]);
    is_one_about(&problems(vec![route("a").event("pod.suspended").inbox("inb_1")]), &["whole pod"]);
    is_one_about(&problems(vec![route("a").concurrency(0)]), &["concurrency"]);
    is_one_about(&problems(vec![route("a").timeout(Duration::ZERO)]), &["timeout"]);
}

mod large;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::CatchUpErrorKind;
use super::round::CatchUpReport;
use super::*;
use crate::api::{Client, Retry};
use crate::clock::Clock;
use crate::model::{Inbox, Message, Secret};
use crate::store::Store;
use crate::store::troubled::TroubledStore;
use crate::transport::tests::intake_into;
use crate::transport::{GapReason, GapSignal, Intake, Readiness, Received, Via};

/// How the service orders its list, which is not documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    Shuffled,
}

/// The mail the service has, by inbox, and how it shows it.
#[derive(Debug, Default)]
struct Mail {
    inboxes: HashMap<String, Vec<(String, Timestamp)>>,
    order: Order,
    without_total: bool,
    /// How many characters some mails have.
    large: HashMap<usize, usize>,
    /// The most rows whose answer comes to its end.
    most_rows: Option<usize>,
    failing: HashMap<String, u16>,
    requests: usize,
    /// How many more mails arrive, one with each request.
    arriving: usize,
}

type Shared = Arc<Mutex<Mail>>;

impl Mail {
    /// Mail number `n` arrives, `n` seconds after some moment.
    fn arrives(&mut self, inbox: &str, n: usize) {
        let at = Timestamp::from_second(1_770_000_000 + n as i64).unwrap();
        self.inboxes.entry(inbox.into()).or_default().push((format!("msg_{n}"), at));
    }

    fn rows(&self, inbox: &str) -> Vec<Message> {
        let rows =
            self.inboxes[inbox].iter().map(|(id, at)| Message { at: Some(*at), ..Message::new(id.as_str()) });
        rows.collect()
    }

    fn list(&mut self, inbox: &str, query: &HashMap<String, String>) -> Response {
        self.requests += 1;
        if self.arriving > 0 {
            self.arriving -= 1;
            self.arrives(inbox, 5_000 + self.requests);
        }
        if let Some(&status) = self.failing.get(inbox) {
            let error = Json(json!({"error": "internal", "message": "no"}));
            return (StatusCode::from_u16(status).unwrap(), error).into_response();
        }
        assert_eq!(query["direction"], "inbound");
        let number = |name: &str| query[name].parse::<usize>().unwrap();
        let (limit, offset) = (number("limit"), number("offset"));
        let mut rows = self.inboxes.get(inbox).cloned().unwrap_or_default();
        match self.order {
            Order::NewestFirst => rows.sort_by_key(|row| std::cmp::Reverse(row.1)),
            Order::OldestFirst => rows.sort_by_key(|row| row.1),
            Order::Shuffled => rows.sort_by_key(|row| row.1.as_second() * 7919 % 1009),
        }
        let total = rows.len();
        let size = |id: &str| self.large.get(&id[4..].parse().unwrap()).copied().unwrap_or_default();
        let rows: Vec<_> =
            rows.into_iter().skip(offset).take(limit).map(|(id, at)| row(size(&id), (id, at))).collect();
        let total = if self.without_total { String::new() } else { format!(r#","total":{total}"#) };
        let list = format!(r#"{{"data":[{}]{total}}}"#, rows.join(","));
        let body = match self.most_rows {
            Some(most) if rows.len() > most => {
                let begun = stream::iter([Ok::<_, std::io::Error>(list)]);
                Body::from_stream(begun.chain(stream::pending()))
            }
            _ => Body::from(list),
        };
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A row as text, so that a large one is made fast.
fn row(size: usize, (id, at): (String, Timestamp)) -> String {
    let row = json!({"id": id, "threadId": "thr_1", "direction": "inbound", "fromAddr": "a@example.com",
        "createdAt": at.to_string(), "bodyText": "BODY"});
    row.to_string().replacen("BODY", &"x".repeat(size), 1)
}

/// A catch-up against a real server.
struct Setup {
    mail: Shared,
    store: Arc<TroubledStore>,
    wake: Arc<Notify>,
    intake: Intake,
    clock: Clock,
    catch_up: Arc<CatchUp>,
    server: JoinHandle<()>,
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Setup {
    async fn new(order: Order) -> Self {
        let mail = Shared::new(Mutex::new(Mail { order, ..Mail::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let list = |State(mail): State<Shared>,
                    Path(inbox): Path<String>,
                    Query(query): Query<HashMap<String, String>>| async move {
            mail.lock().unwrap().list(&inbox, &query)
        };
        let app = axum::Router::new()
            .route("/v1/inboxes/{id}/messages", axum::routing::get(list))
            .with_state(mail.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = Client::builder(Secret::new("om_key")).base_url(&base).unwrap().build().unwrap();
        let (store, wake) = (Arc::new(TroubledStore::default()), Arc::new(Notify::new()));
        let clock = Clock::manual("2026-02-24T10:00:00Z".parse().unwrap());
        let intake = Intake::new(store.clone(), clock.clone(), wake.clone());
        let catch_up = Arc::new(CatchUp::new(client, intake.clone()).unspaced());
        Self { mail, store, wake, intake, clock, catch_up, server }
    }

    fn arrive(&self, mails: impl IntoIterator<Item = usize>) {
        let mut mail = self.mail.lock().unwrap();
        mails.into_iter().for_each(|n| mail.arrives("inb_1", n));
    }

    async fn look(&self) -> CatchUpReport {
        self.catch_up.run_once(&[Inbox::new("inb_1")], GapReason::Routine).await
    }

    async fn look_and_find(&self, expected: usize) {
        let report = self.look().await;
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!(report.found, expected);
    }

    /// How many mails wait for a handler.
    async fn waiting(&self) -> u64 {
        self.store.census().await.unwrap().waiting
    }

    fn requests(&self) -> usize {
        std::mem::take(&mut self.mail.lock().unwrap().requests)
    }
}

const ORDERS: [Order; 3] = [Order::NewestFirst, Order::OldestFirst, Order::Shuffled];

#[tokio::test]
async fn old_mail_is_history_and_later_mail_is_found_once() {
    for order in ORDERS {
        for without_total in [false, true] {
            let setup = Setup::new(order).await;
            setup.mail.lock().unwrap().without_total = without_total;
            setup.arrive(0..250);
            assert_eq!(setup.look().await.first_seen, 1);
            setup.look_and_find(0).await;
            setup.arrive(250..253);
            setup.look_and_find(3).await;
            setup.look_and_find(0).await;
            assert_eq!(setup.waiting().await, 3, "{order:?}, without total: {without_total}");
        }
    }
}

/// What comes between the first start and the first look at an inbox, for which there was no event, is as new as any other.
#[tokio::test]
async fn what_came_since_the_first_start_is_no_history_however_late_its_inbox_is_looked_at() {
    // The clock stands here, in seconds after mail number 0.
    const START: usize = 1_927_200;
    for order in ORDERS {
        let setup = Setup::new(order).await;
        let look = async |inbox: &str| {
            let report = setup.catch_up.run_once(&[Inbox::new(inbox)], GapReason::Start).await;
            assert!(report.failures.is_empty(), "{report:?}");
            report.found
        };
        assert_eq!(look("inb_other").await, 0);
        setup.arrive([START - 5_000, START - 10, START, START + 30]);
        setup.clock.advance(Duration::from_secs(180));
        assert_eq!(look("inb_1").await, 1, "{order:?}");
        assert_eq!(look("inb_1").await, 0);
        setup.arrive([START + 200]);
        assert_eq!(look("inb_1").await, 1);

        let late = |inbox: &str, n| setup.mail.lock().unwrap().arrives(inbox, n);
        late("inb_future", START + 10_000);
        assert_eq!(look("inb_future").await, 0, "another clock");
        late("inb_late", START + 30);
        setup.clock.advance(Duration::from_secs(3_600));
        assert_eq!(look("inb_late").await, 0, "the key could not see it before");
    }
}

#[tokio::test]
async fn what_comes_after_another_process_has_seen_an_inbox_is_no_history() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.arrive(0..3);
    setup.store.reading.shut();
    let looking = tokio::spawn({
        let catch_up = setup.catch_up.clone();
        async move { catch_up.run_once(&[Inbox::new("inb_1")], GapReason::Start).await }
    });
    setup.store.reading.came(1).await;
    // The other has seen it since the store was asked.
    let rows = setup.mail.lock().unwrap().rows("inb_1");
    let mark = watermark::Watermark::first_sight(&rows).bookmark(&"inb_1".into());
    setup.store.record(Vec::new(), Some(mark)).await.unwrap();
    setup.arrive(3..4);
    setup.store.reading.open();
    looking.await.unwrap();
    setup.look().await;
    assert_eq!(setup.waiting().await, 1);
}

/// The numbers of all mails, as they are handed on while memory has this much room for them, and how often the list was read anew.
async fn listed(setup: &Setup, room: usize) -> (Vec<usize>, usize) {
    let (spacing, inbox) = (spacing::Spacing::every(Duration::ZERO), "inb_1".into());
    let listing = listing::Listing::new(setup.catch_up.client(), &spacing, &inbox, room);
    let (mut numbers, mut readings) = (Vec::new(), 0);
    let number = |mail: &Message| mail.id.as_str()[4..].parse::<usize>().unwrap();
    loop {
        let mut news = listing.since(None, |mail| !numbers.contains(&number(mail))).await.unwrap();
        readings += 1;
        loop {
            let batch = news.next().await.unwrap();
            if batch.is_empty() {
                break;
            }
            let weight: usize = batch.iter().map(Message::weight).sum();
            assert!(weight <= room.saturating_mul(2), "{weight} at once");
            numbers.extend(batch.iter().map(number));
        }
        if !news.has_more() {
            return (numbers, readings);
        }
    }
}

#[tokio::test]
async fn mails_of_the_same_instant_come_in_the_order_of_the_list() {
    for (order, count) in [
        (Order::NewestFirst, 5),
        (Order::NewestFirst, 205),
        (Order::OldestFirst, 5),
        (Order::OldestFirst, 205),
    ] {
        let setup = Setup::new(order).await;
        setup.arrive(0..count - 3);
        let mut ties = [count - 3, count - 2, count - 1];
        if order == Order::NewestFirst {
            ties.reverse();
        }
        {
            let mut mail = setup.mail.lock().unwrap();
            for n in ties {
                mail.arrives("inb_1", n);
                mail.inboxes.get_mut("inb_1").unwrap().last_mut().unwrap().1 =
                    Timestamp::from_second(1_770_001_000).unwrap();
            }
        }
        let (numbers, _) = listed(&setup, usize::MAX).await;
        assert!(numbers.into_iter().eq(0..count), "{order:?}");
    }
}

#[tokio::test]
async fn whatever_reaches_an_empty_inbox_is_found() {
    for order in ORDERS {
        let setup = Setup::new(order).await;
        assert_eq!(setup.look().await.first_seen, 1);
        setup.arrive(0..1);
        setup.look_and_find(1).await;
        let event = setup.store.events(1, &setup.wake).await.remove(0);
        assert_eq!(event.event_id.as_str(), "rest:msg_0");
        assert_eq!(event.message_id.as_ref().unwrap().as_str(), "msg_0");
        assert_eq!((event.inbox_id.as_ref().unwrap().as_str(), &*event.lane.0), ("inb_1", "thr_1"));
    }
}

#[tokio::test]
async fn a_gap_of_many_pages_is_closed_oldest_first() {
    for order in ORDERS {
        let setup = Setup::new(order).await;
        setup.look().await;
        setup.arrive(0..2_345);
        setup.look_and_find(2_345).await;
        let first = setup.store.lease_all().await.remove(0);
        assert_eq!(first.event_id.as_str(), "rest:msg_0", "{order:?}");
    }
}

#[tokio::test]
async fn only_the_newest_end_is_read_of_a_long_list() {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let setup = Setup::new(order).await;
        // An hour of mail every five seconds: a quarter of it may still be waited for.
        setup.arrive((0..720).map(|n| n * 5));
        setup.look().await;
        assert!(setup.requests() <= 2, "{order:?}");
        setup.arrive([4_000]);
        setup.look_and_find(1).await;
        assert!(setup.requests() <= 3, "{order:?}");
    }
}

#[tokio::test]
async fn a_row_that_lags_behind_newer_ones_is_found() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive([1_000]);
    setup.look_and_find(1).await;
    setup.arrive([200]);
    setup.look_and_find(1).await;
}

#[tokio::test]
async fn mail_that_came_as_an_event_is_not_found_again() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive(0..2);
    let body = br#"{"event":"message.received","event_id":"evt_1","message":{"id":"msg_1"}}"#;
    let received =
        Received { body: body.as_slice().into(), event_id: None, via: Via::Webhook, envelope: None };
    setup.intake.take(vec![received], None).await.unwrap();
    setup.look_and_find(1).await;
    assert_eq!(setup.waiting().await, 2);
}

#[tokio::test]
async fn what_was_handled_and_forgotten_is_not_news_again() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive(0..2);
    setup.look_and_find(2).await;
    let bookmark = setup.store.bookmark("inbox:inb_1").await.unwrap().unwrap();
    // Another store has the bookmark, and none of the events.
    let empty = Arc::new(TroubledStore::default());
    let (intake, _) = intake_into(empty.clone());
    intake.take(vec![], Some(crate::store::Bookmark::new("inbox:inb_1", bookmark))).await.unwrap();
    let catch_up = CatchUp::new(setup.catch_up.client().clone(), intake);
    assert_eq!(catch_up.run_once(&[Inbox::new("inb_1")], GapReason::Routine).await.found, 0);
}

#[tokio::test]
async fn an_inbox_that_fails_keeps_no_other_from_its_turn() {
    let setup = Setup::new(Order::NewestFirst).await;
    let inboxes = ["inb_0", "inb_1", "inb_2"].map(Inbox::new);
    setup.mail.lock().unwrap().failing.extend([("inb_0".into(), 404), ("inb_1".into(), 500)]);
    let report = setup.catch_up.run_once(&inboxes, GapReason::Start).await;
    assert_eq!((report.inboxes, report.failures.len()), (1, 2));
    let verdicts: Vec<_> = report.failures.iter().map(|(_, error)| error.kind().retry()).collect();
    assert_eq!(verdicts, [Retry::Never, Retry::Now]);
    setup.requests();
    setup.mail.lock().unwrap().failing.insert("inb_0".into(), 401);
    setup.catch_up.run_once(&inboxes, GapReason::Start).await;
    assert_eq!(setup.requests(), 1, "a refused key is not offered for every inbox");
}

#[tokio::test]
async fn how_far_all_inboxes_were_read_is_how_far_the_one_behind_was() {
    let setup = Setup::new(Order::NewestFirst).await;
    let inboxes = ["inb_0", "inb_1", "inb_2"].map(Inbox::new);
    let read_up_to = setup.catch_up.read_up_to();
    let set = |failing: &[(&str, u16)]| {
        let failing = failing.iter().map(|(inbox, status)| ((*inbox).to_owned(), *status));
        setup.mail.lock().unwrap().failing = failing.collect();
    };
    let round = async || {
        setup.clock.advance(Duration::from_secs(60));
        setup.catch_up.run_once(&inboxes, GapReason::Routine).await;
        setup.clock.now()
    };
    set(&[("inb_0", 404), ("inb_1", 500)]);
    round().await;
    assert_eq!(*read_up_to.borrow(), None, "one was never read");
    set(&[("inb_0", 404), ("inb_1", 403)]);
    round().await;
    assert_eq!(*read_up_to.borrow(), None, "one that is refused may be read again one day");
    set(&[("inb_0", 404)]);
    let first = round().await;
    assert_eq!(*read_up_to.borrow(), Some(first), "one that is gone is not waited for");
    set(&[("inb_2", 500)]);
    round().await;
    assert_eq!(*read_up_to.borrow(), Some(first));
    set(&[]);
    let last = round().await;
    assert_eq!(*read_up_to.borrow(), Some(last));
}

#[tokio::test]
async fn a_store_that_fails_moves_no_watermark() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive(0..3);
    setup.store.fail(true);
    assert_eq!(*setup.look().await.failures[0].1.kind(), CatchUpErrorKind::Store);
    setup.store.fail(false);
    setup.look_and_find(3).await;
}

#[tokio::test]
async fn it_looks_at_the_start_after_a_gap_for_a_new_inbox_and_now_and_then() {
    let setup = Setup::new(Order::NewestFirst).await;
    let (inboxes, watched) = watch::channel(vec![Inbox::new("inb_1")]);
    let (gaps, shutdown) = (GapSignal::new(), CancellationToken::new());
    let (catch_up, mut rounds) = (setup.catch_up.clone(), setup.catch_up.rounds());
    let running = {
        let around = Surroundings::new(watched, gaps.clone(), &Readiness::new());
        let shutdown = shutdown.clone();
        tokio::spawn(async move { catch_up.run(around, shutdown).await })
    };
    rounds.wait_for(|rounds| *rounds == 1).await.unwrap();
    setup.arrive(0..1);
    gaps.suspect(GapReason::ReplayFull);
    setup.store.events(1, &setup.wake).await;
    rounds.wait_for(|rounds| *rounds == 2).await.unwrap();
    inboxes.send_modify(|inboxes| inboxes.push(Inbox::new("inb_2")));
    rounds.wait_for(|rounds| *rounds == 3).await.unwrap();
    assert!(setup.store.bookmark("inbox:inb_2").await.unwrap().is_some());
    setup.arrive(1..2);
    // The clock may be moved before it is waited for, so it is moved until it was.
    while *rounds.borrow_and_update() < 5 {
        setup.clock.advance(Duration::from_secs(60));
        let _ = tokio::time::timeout(Duration::from_millis(20), rounds.changed()).await;
    }
    assert_eq!(setup.store.lease_all().await.len(), 0, "one of a thread at a time");
    assert_eq!(setup.waiting().await, 1);
    shutdown.cancel();
    running.await.unwrap();
}

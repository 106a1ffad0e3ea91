use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::limit::Lesson;
use crate::store::book::Book;
use crate::store::conformance::fixture::{
    answered, at, lease_request_of, lost, mail, refused, reply, reserve_request, retry, sent, settlement,
    with_attachment, worker,
};
use crate::store::sqlite::load::load;
use crate::store::sqlite::shelf::SqliteShelf;
use crate::store::{
    EventOutcome, Hold, HoldScope, Leased, NewEvent, NewSend, Reservation, ReserveRequest, SendOutcome,
    Settlement, StoreErrorKind,
};

#[derive(Debug, Clone)]
enum Step {
    Record(u8),
    Alias(u8),
    Park(u8),
    Lease(u8),
    Beat(u8),
    Retire(u8),
    Settle(usize, u8),
    Owe(usize, u8),
    Reserve(u8),
    Answer(usize, u8),
    Hold(u8),
    Release(u8),
    Wait(u8),
    Prune(u8),
    Fail(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = || any::<u8>();
    let nth = || 0_usize..6;
    let step = prop_oneof![
        4 => n().prop_map(Step::Record),
        1 => n().prop_map(Step::Alias),
        1 => n().prop_map(Step::Park),
        3 => (1_u8..5).prop_map(Step::Lease),
        1 => n().prop_map(Step::Beat),
        1 => n().prop_map(Step::Retire),
        4 => (nth(), n()).prop_map(|(nth, n)| Step::Settle(nth, n)),
        1 => (nth(), n()).prop_map(|(nth, n)| Step::Owe(nth, n)),
        3 => (1_u8..5).prop_map(Step::Reserve),
        4 => (nth(), n()).prop_map(|(nth, n)| Step::Answer(nth, n)),
        1 => n().prop_map(Step::Hold),
        1 => n().prop_map(Step::Release),
        3 => n().prop_map(Step::Wait),
        1 => n().prop_map(Step::Prune),
        2 => n().prop_map(Step::Fail),
    ];
    prop::collection::vec(step, 1..80)
}

struct World {
    store: SqliteStore,
    now: i64,
    leases: Vec<Leased>,
    reservations: Vec<Reservation>,
}

impl World {
    /// Takes a step; a refusal is as good as anything, for it must change nothing either.
    async fn take(&mut self, step: Step) {
        let (store, now) = (&self.store, self.now);
        let event = |n: u8| mail(&n.to_string(), &format!("i{}", n % 3), &format!("l{}", n % 7), n.into());
        match step {
            Step::Record(n) => drop(store.record(vec![event(n).into(), event(n / 2).into()], None).await),
            Step::Alias(n) => {
                let alias = NewEvent { event_id: format!("alias-{now}").into(), ..event(n) };
                drop(store.record(vec![alias.into()], None).await);
            }
            Step::Park(n) => {
                let parked = NewEvent { parked: Some("unreadable".into()), ..event(n) };
                drop(store.record(vec![parked.into()], None).await);
            }
            Step::Lease(n) => {
                let leases = store.lease(lease_request_of(name(n), now, n.into())).await.unwrap();
                self.leases.extend(leases.events);
            }
            Step::Beat(n) => drop(store.heartbeat(&worker(name(n)), at(now)).await.unwrap()),
            Step::Retire(n) => store.retire(&worker(name(n)), at(now)).await.unwrap(),
            Step::Settle(nth, n) if nth < self.leases.len() => {
                let leased = self.leases.remove(nth);
                let sends = vec![send(n), send(n.wrapping_add(1))];
                drop(store.settle(Settlement { sends, ..settlement(&leased.lease, end(n, now), now) }).await);
            }
            Step::Owe(nth, n) => {
                let Some(leased) = self.leases.get(nth) else { return };
                drop(store.owe(&leased.lease, vec![send(n)]).await);
            }
            Step::Reserve(n) => {
                let worker = worker(name(n));
                let request = ReserveRequest { worker, ..reserve_request(now, n.into()) };
                let reservations = store.reserve(request).await.unwrap();
                self.reservations.extend(reservations.sends);
            }
            Step::Answer(nth, n) if nth < self.reservations.len() => {
                let reservation = self.reservations.remove(nth);
                let mut settlement = answered(&reservation, fate(n, now), now);
                let inbox = reservation.send.inbox_id;
                settlement.lesson = (n % 8 == 1).then(|| Lesson::new(inbox, at(now + 40)));
                settlement.news = (n % 8 == 2).then(|| event(n));
                drop(store.settle_send(settlement).await);
            }
            Step::Settle(..) | Step::Answer(..) => {}
            Step::Hold(n) => {
                let hold = Hold::new(scope(n), at(n.into()), at(now + 20), "abuse");
                store.hold(hold).await.unwrap();
            }
            Step::Release(n) => store.release(&scope(n), at(n.into())).await.unwrap(),
            Step::Wait(n) => self.now += i64::from(n) / 4,
            Step::Fail(n) => self.fail(n).await,
            Step::Prune(n) => drop(store.prune(at(now - i64::from(n) / 8), at(now), 5).await.unwrap()),
        }
    }

    /// A transaction fails after much was done in it, and nothing of that is left.
    async fn fail(&self, n: u8) {
        let (now, settled) = (self.now, self.leases.get(usize::from(n % 6)).cloned());
        let verb = move |book: &mut Book, shelf: &mut SqliteShelf<'_>| {
            let recorded = mail(&format!("failed-{now}"), "i0", "l0", 0);
            book.record(shelf, vec![recorded.into()], None)?;
            if let Some(leased) = settled {
                let settlement = settlement(&leased.lease, end(n, now), now);
                drop(book.settle(shelf, Settlement { sends: vec![send(n)], ..settlement }));
            }
            // Whoever asks is alive; who is dead is dead.
            book.lease(shelf, &lease_request_of(name(n), now, n.into()))?;
            Err::<(), _>(StoreErrorKind::Unavailable.into())
        };
        self.store.heartbeat(&worker(name(n)), at(now)).await.unwrap();
        self.store.lease(lease_request_of(name(n), now, 0)).await.unwrap();
        let before = self.both().await.0;
        self.store.call(verb).await.unwrap_err();
        assert_eq!(self.both().await.0, before);
    }

    /// What the book says, and what one made anew from the file says.
    async fn both(&self) -> (Vec<String>, Vec<String>) {
        let both = |book: &mut Book, shelf: &mut SqliteShelf<'_>| {
            let mut anew = load(shelf.connection, book.successor()).unwrap();
            shelf.leases.restore(&mut anew);
            Ok((book.snapshot(), anew.snapshot()))
        };
        self.store.call(both).await.unwrap()
    }
}

async fn tries(store: &SqliteStore) -> BTreeMap<i64, u32> {
    store.call(|book, _| Ok(book.tries())).await.unwrap()
}

fn name(n: u8) -> &'static str {
    ["a", "b", "c"][usize::from(n % 3)]
}

fn send(n: u8) -> NewSend {
    let send = reply(&format!("k{n}"), &format!("i{}", n % 3), &format!("t{}", n % 5));
    let send = if n.is_multiple_of(5) { with_attachment(send, b"x") } else { send };
    NewSend { stopped: n.is_multiple_of(7).then(|| "a loop".into()), ..send }
}

fn end(n: u8, now: i64) -> EventOutcome {
    match n % 6 {
        0 => retry(now + 10),
        1 => EventOutcome::Defer { at: at(now + 5) },
        2 => EventOutcome::Dead { error: "x".into() },
        3 => EventOutcome::Parked { reason: "x".into() },
        _ => EventOutcome::Done,
    }
}

fn fate(n: u8, now: i64) -> SendOutcome {
    match n % 5 {
        0 => lost(now + 10),
        1 => refused(now + 10),
        2 => SendOutcome::Failed { error: "x".into() },
        _ => sent(),
    }
}

fn scope(n: u8) -> HoldScope {
    match n % 4 {
        0 => HoldScope::Account,
        1 => HoldScope::Pod("pod".into()),
        _ => HoldScope::Inbox(format!("i{}", n % 3).into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn the_book_knows_what_the_file_holds(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let file = File::new();
        let (book, anew, tries, tried) = runtime.block_on(async {
            let store = open(&file.path).await;
            let mut world = World { store, now: 0, leases: Vec::new(), reservations: Vec::new() };
            for step in steps {
                world.take(step).await;
            }
            let (book, anew) = world.both().await;
            let tries = tries(&world.store).await;
            drop(world);
            (book, anew, tries, self::tries(&open(&file.path).await).await)
        });
        prop_assert_eq!(tries, tried, "a try counts over a restart, whatever became of it");
        for (book, anew) in book.iter().zip(&anew) {
            prop_assert_eq!(book, anew);
        }
        prop_assert_eq!(book.len(), anew.len());
    }
}

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use openmail_agent::limit::{CLOCKS_APART, Quotas};
use openmail_agent::model::MessageId;
use openmail_agent::store::postgres::PostgresStore;
use openmail_agent::store::{
    EventOutcome, Recorded, ReserveRequest, SendOutcome, SendSettlement, Settlement, Store, WorkerId,
};

use super::cluster::Place;
use super::{at, lease_request, mail, owe, processes, reply, reserve_request};

const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_mail_recorded_by_many_processes_at_once_is_kept_once() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), WORKERS).await;
    let recorded = join_all(stores.iter().enumerate().map(|(worker, store)| async move {
        let mut news = 0;
        for round in 0..20 {
            // Each in another order, some under event ids of their own.
            let mut mails: Vec<_> =
                (0..30).map(|n| mail(&format!("{}", round * 30 + n), "i", &n.to_string(), n)).collect();
            mails.rotate_left(worker * 7);
            Arc::make_mut(&mut mails[worker]).event_id = format!("evt_replay_{round}_{worker}").into();
            let verdicts = store.record(mails, None).await.unwrap();
            news += verdicts.iter().filter(|verdict| matches!(verdict, Recorded::New(_))).count();
        }
        news
    }))
    .await;
    assert_eq!(recorded.iter().sum::<usize>(), 600);
    assert_eq!(stores[0].census().await.unwrap().waiting, 600);
}

/// Who has which lane, and how far each lane has come.
#[derive(Default)]
struct Watched {
    busy: HashSet<String>,
    last: HashMap<String, Timestamp>,
    loads: HashMap<String, usize>,
    handled: HashSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_never_have_one_mail_nor_two_of_a_lane() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), WORKERS).await;
    // Late ones come before what is there already: they are recorded while their lanes are worked on.
    let mails = |offset: i64| {
        (0..200_i64).map(move |n| {
            let (inbox, lane) = (format!("i{}", n % 4), format!("l{}", n % 20));
            mail(&format!("{offset}-{n}"), &inbox, &lane, offset + n)
        })
    };
    stores[0].record(mails(1_000).collect(), None).await.unwrap();
    let watched = Mutex::new(Watched::default());
    let work = stores.iter().enumerate().map(|(n, store)| work(store, n, &watched));
    let late = async {
        for mail in mails(0) {
            stores[1].record(vec![mail], None).await.unwrap();
        }
    };
    tokio::join!(join_all(work), late);
    let census = stores[0].census().await.unwrap();
    assert_eq!((census.done, census.waiting, census.leased), (400, 0, 0));
}

async fn work(store: &PostgresStore, worker: usize, watched: &Mutex<Watched>) {
    const PER_INBOX: usize = 3;
    while watched.lock().unwrap().handled.len() < 400 {
        let mut request = lease_request(&worker.to_string(), 5_000, 5);
        request.per_inbox = PER_INBOX;
        let leased = store.lease(request).await.unwrap().events;
        for leased in &leased {
            let mut watched = watched.lock().unwrap();
            let event = &leased.event;
            assert!(watched.busy.insert(event.lane.0.to_string()), "two of {:?}", event.lane);
            assert!(watched.handled.insert(event.event_id.to_string()), "{} twice", event.event_id);
            if event.occurred_at >= at(1_000) {
                let last = watched.last.insert(event.lane.0.to_string(), event.occurred_at);
                assert!(last < Some(event.occurred_at), "{} after a later one", event.event_id);
            }
            let load = watched.loads.entry(event.inbox_id.as_ref().unwrap().to_string()).or_default();
            *load += 1;
            assert!(*load <= PER_INBOX, "more of an inbox than its share");
        }
        tokio::task::yield_now().await;
        for leased in leased {
            {
                let mut watched = watched.lock().unwrap();
                watched.busy.remove(&*leased.event.lane.0);
                *watched.loads.get_mut(leased.event.inbox_id.as_ref().unwrap().as_str()).unwrap() -= 1;
            }
            store.settle(Settlement::new(leased.lease, EventOutcome::Done, at(5_000))).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_together_have_no_more_of_an_inbox_than_its_share() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), WORKERS).await;
    let mails = (0..900).map(|n| mail(&n.to_string(), &format!("i{}", n % 3), &n.to_string(), n));
    stores[0].record(mails.collect(), None).await.unwrap();
    for round in 0..60 {
        let leased = join_all(stores.iter().enumerate().map(|(n, store)| {
            let mut request = lease_request(&n.to_string(), 5_000, 15);
            request.per_inbox = 5;
            store.lease(request)
        }));
        let leased: Vec<_> = leased.await.into_iter().flat_map(|leases| leases.unwrap().events).collect();
        assert_eq!(leased.len(), 15, "in round {round}, of 5 of each of 3 inboxes");
        let settled = leased.into_iter().enumerate().map(|(n, leased)| {
            stores[n % WORKERS].settle(Settlement::new(leased.lease, EventOutcome::Done, at(5_000)))
        });
        join_all(settled).await.into_iter().for_each(|settled| settled.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_never_send_more_than_the_quota() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), WORKERS).await;
    let sends = (0..210).map(|n| reply(&format!("k{n}"), "i", &format!("t{n}"))).collect();
    owe(&*stores[0], sends).await;
    let mut keys = HashSet::new();
    for minute in 0..21 {
        let now = minute * 65;
        let reserved = join_all(stores.iter().enumerate().map(|(n, store)| async move {
            let mut reserved = Vec::new();
            for _ in 0..4 {
                reserved.extend(store.reserve(reserve_request(&n.to_string(), now, 4)).await.unwrap().sends);
            }
            reserved
        }));
        let mut reserved: Vec<_> = reserved.await.into_iter().flatten().collect();
        // Whoever asks while another decides on the inbox is sent away, and asks again later.
        for (n, store) in stores.iter().enumerate() {
            reserved.extend(store.reserve(reserve_request(&n.to_string(), now, 10)).await.unwrap().sends);
        }
        let expected = if minute < 20 { 10 } else { 0 };
        assert_eq!(reserved.len(), expected, "in minute {minute}, of 10 a minute and 200 a day");
        join_all(reserved.iter().enumerate().map(|(n, reservation)| {
            let outcome = SendOutcome::Sent { message_id: Some(MessageId::from("m")), thread_id: None };
            let settlement = SendSettlement::new(reservation.seq, reservation.fence, outcome, at(now));
            stores[n % WORKERS].settle_send(settlement)
        }))
        .await
        .into_iter()
        .for_each(|settled| settled.unwrap());
        assert!(reserved.iter().all(|reservation| keys.insert(reservation.send.key.to_string())));
    }
    assert_eq!(keys.len(), 200);
}

/// Sends one, from its reservation to the service's yes.
async fn send(store: &PostgresStore, request: ReserveRequest) -> bool {
    let now = request.now;
    let Some(reservation) = store.reserve(request).await.unwrap().sends.pop() else { return false };
    let (seq, fence) = (reservation.seq, reservation.fence);
    let outcome = SendOutcome::Sent { message_id: None, thread_id: None };
    let settlement = SendSettlement::new(seq, fence, outcome, now);
    store.settle_send(settlement).await.unwrap();
    true
}

#[tokio::test]
async fn a_machine_whose_clock_is_ahead_sends_no_sooner_than_it_may() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    owe(&*stores[0], (0..5).map(|n| reply(&format!("k{n}"), "i", &format!("t{n}"))).collect()).await;
    let by = async |n: usize, now| {
        let mut request = reserve_request(&n.to_string(), now, 1);
        request.quotas = Quotas::new(1, 3);
        send(&stores[n], request).await
    };
    let ahead = i64::try_from(CLOCKS_APART.as_secs()).unwrap();
    assert!(by(0, 0).await);
    assert!(!by(1, ahead + 59).await, "the first machine's minute is not over");
    assert!(by(1, ahead + 60).await);
    assert!(by(0, 600).await);
    let midnight = 14 * 60 * 60;
    assert!(!by(1, midnight + ahead - 1).await, "the first machine's day is not over");
    assert!(by(1, midnight + ahead).await);
}

/// A request by this process's clock, so many seconds from what the database's shows.
fn by_the_clock_of(worker: &str, apart: i64) -> ReserveRequest {
    let mut request = reserve_request(worker, 0, 1);
    request.now = Timestamp::now() + SignedDuration::from_secs(apart);
    request
}

#[tokio::test]
async fn an_inbox_is_silent_for_a_minute_at_most_since_another_s_clock_ran_ahead() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    owe(&*stores[0], (0..12).map(|n| reply(&format!("k{n}"), "i", &format!("t{n}"))).collect()).await;
    for _ in 0..10 {
        assert!(send(&stores[0], by_the_clock_of("ahead", 3_600)).await);
    }
    assert!(!send(&stores[0], by_the_clock_of("ahead", 3_600)).await);
    assert!(!send(&stores[1], by_the_clock_of("right", 0)).await);
    let freed = 60 + i64::try_from(CLOCKS_APART.as_secs()).unwrap();
    assert!(!send(&stores[1], by_the_clock_of("right", freed - 30)).await);
    assert!(send(&stores[1], by_the_clock_of("right", freed)).await);
}

#[tokio::test]
async fn a_process_whose_clock_is_behind_sets_no_other_s_right() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    owe(&*stores[0], (0..12).map(|n| reply(&format!("k{n}"), "i", &format!("t{n}"))).collect()).await;
    for _ in 0..10 {
        assert!(send(&stores[0], by_the_clock_of("right", 0)).await);
    }
    send(&stores[1], by_the_clock_of("behind", -3_600)).await;
    assert!(!send(&stores[0], by_the_clock_of("right", 1)).await, "the minute is not over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_start_at_once_on_an_empty_database() {
    let Some(place) = Place::shared() else { return };
    let url: Arc<str> = place.fresh().into();
    let opened = (0..8).map(|_| {
        let url = Arc::clone(&url);
        tokio::spawn(async move { PostgresStore::open(&url).await.unwrap() })
    });
    for store in join_all(opened).await {
        assert_eq!(store.unwrap().census().await.unwrap().waiting, 0);
    }
}

#[tokio::test]
async fn what_a_dead_process_had_is_taken_over_when_its_heartbeat_lapses() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    stores[0].record(vec![mail("1", "i", "a", 0)], None).await.unwrap();
    let dead = stores[0].lease(lease_request("dead", 0, 1)).await.unwrap().events.remove(0);
    for now in [0, 3, 6] {
        stores[1].heartbeat(&WorkerId("alive".into()), at(now)).await.unwrap();
    }
    let waiting = stores[1].lease(lease_request("alive", 7, 1)).await.unwrap();
    assert!(waiting.events.is_empty());
    assert_eq!(waiting.next_due, Some(at(8)));
    let taken = stores[1].lease(lease_request("alive", 8, 1)).await.unwrap().events.remove(0);
    assert_eq!((taken.lease.seq, taken.attempt), (dead.lease.seq, 2));
    let mut late = Settlement::new(dead.lease, EventOutcome::Done, at(9));
    late.sends = vec![reply("k", "i", "t")];
    assert!(stores[0].settle(late).await.is_err(), "the dead one's word counts no more");
    assert_eq!(stores[0].census().await.unwrap().owed, 0);
}

#[tokio::test]
async fn a_role_has_one_holder_and_another_after_its_end() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    let worker = |name: &str| WorkerId(name.into());
    let claim = async |n: usize, who: &str, now, until| {
        stores[n].claim("socket", &worker(who), at(now), at(until)).await.unwrap()
    };
    assert!(claim(0, "a", 0, 8).await);
    assert!(!claim(1, "b", 1, 9).await);
    assert!(claim(0, "a", 2, 10).await, "kept by its holder");
    assert!(!claim(1, "b", 9, 17).await);
    assert!(claim(1, "b", 10, 18).await, "the holder fell silent");
    assert!(!claim(0, "a", 11, 19).await);
    assert!(!claim(1, "b", 12, 12).await, "given up");
    assert!(claim(0, "a", 12, 20).await);
}

#[tokio::test]
async fn a_role_that_is_given_up_is_free_for_a_machine_whose_clock_is_behind() {
    let Some(place) = Place::shared() else { return };
    let stores = processes(&place.fresh(), 2).await;
    let (ahead, behind) = (WorkerId("ahead".into()), WorkerId("behind".into()));
    let now = at(3) + SignedDuration::from_nanos(1);
    assert!(stores[0].claim("socket", &ahead, now, at(10)).await.unwrap());
    assert!(!stores[0].claim("socket", &ahead, now, now).await.unwrap());
    assert!(stores[1].claim("socket", &behind, at(0), at(7)).await.unwrap());
}

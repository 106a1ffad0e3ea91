use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use openmail_agent::limit::Quotas;
use openmail_agent::model::{Body, Draft, IdempotencyKey, Recipients};
use openmail_agent::store::sqlite::SqliteStore;
use openmail_agent::store::{
    EventOutcome, LeaseRequest, Leased, NewSend, ReserveRequest, SendOutcome, SendSettlement, Settlement,
    Store, WorkerId,
};

use super::store::event;

/// A mail each six seconds: a million in 69 days, and a hundred thousand within the retention.
const RHYTHM: SignedDuration = SignedDuration::from_secs(6);
const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many mails come between one pruning and the next: as many as in an hour.
const BATCH: usize = 600;
/// How many are pruned at once, as the runtime does it.
const AT_ONCE: usize = 1_000;
/// How often the size of the file is told.
const TENTHS: usize = 10;
/// How many mails are recorded one after the other, to see how long each takes while nothing is pruned.
const QUIET: usize = 2_000;

/// Passes mails through a file, each recorded, handled, answered and forgotten in its time. Says the size of the file ten
/// times on the way, then the largest size of the log beside it, then how long a mail takes to record at most, in
/// microseconds: while nothing is pruned, and while all that is in the file is.
pub(super) async fn run(path: &str, count: usize) {
    let store = SqliteStore::open(path).await.expect("the store opens");
    let (mut told, mut log) = (0, 0);
    for first in (0..count).step_by(BATCH) {
        let numbers = first..count.min(first + BATCH);
        let end = numbers.end;
        pass_through(&store, numbers, count).await;
        prune(&store, moment(end)).await;
        log = log.max(size(&format!("{path}-wal")));
        while told < end * TENTHS / count {
            told += 1;
            println!("{}", size(path));
        }
    }
    println!("{log}");
    let quiet = worst_record(&store, count, QUIET, std::future::pending()).await;
    let much_later = moment(count) + RETENTION + RETENTION;
    let pruning = worst_record(&store, count + QUIET, usize::MAX, prune(&store, much_later)).await;
    println!("{}\n{}", quiet.as_micros(), pruning.as_micros());
    store.close().await;
}

fn moment(number: usize) -> Timestamp {
    let start: Timestamp = "2026-02-24T10:05:00Z".parse().expect("a time");
    start + RHYTHM * i32::try_from(number).expect("a small number")
}

async fn pass_through(store: &SqliteStore, numbers: std::ops::Range<usize>, count: usize) {
    let (now, size) = (moment(numbers.end), numbers.len());
    let events = numbers.map(|number| event(number, count, moment(number))).collect();
    store.record(events, None).await.expect("they are recorded");
    let worker = WorkerId("bench".into());
    let request = LeaseRequest::new(worker.clone(), size, now);
    let mut handled = 0;
    while handled < size {
        // One of each conversation at a time.
        let leased = store.lease(request.clone()).await.expect("they are leased").events;
        handled += leased.len();
        let settled = leased.into_iter().map(|leased| store.settle(answered(leased, now)));
        try_join_all(settled).await.expect("they are settled");
    }
    let mut request = ReserveRequest::new(worker, size, now);
    request.quotas = Quotas::new(u32::MAX, u32::MAX);
    let mut left = 0;
    while left < size {
        let sends = store.reserve(request.clone()).await.expect("they are reserved").sends;
        left += sends.len();
        let sent = sends.into_iter().map(|send| {
            let outcome = SendOutcome::Sent { message_id: None, thread_id: None };
            store.settle_send(SendSettlement::new(send.seq, send.fence, outcome, now))
        });
        try_join_all(sent).await.expect("they are settled");
    }
}

fn answered(leased: Leased, now: Timestamp) -> Settlement {
    let to = Recipients::one("ada@example.com".parse().expect("an address"));
    let mut draft = Draft::new(to, Body::Text("It is on its way, and will be with you tomorrow.".into()));
    draft.thread_id = Some(leased.event.lane.0.as_ref().into());
    let key = IdempotencyKey::new(format!("bench:{}", leased.event.event_id));
    let inbox_id = leased.event.inbox_id.clone().expect("each has one");
    let mut settlement = Settlement::new(leased.lease, EventOutcome::Done, now);
    settlement.sends = vec![NewSend::new(key, inbox_id, "bench", draft)];
    settlement
}

async fn prune(store: &SqliteStore, now: Timestamp) {
    while store.prune(now - RETENTION, now, AT_ONCE).await.expect("they are pruned") > 0 {}
}

/// The longest that a mail took to record, of so many, or of all until something is over.
async fn worst_record(
    store: &SqliteStore,
    first: usize,
    most: usize,
    until: impl Future<Output = ()>,
) -> Duration {
    let mut worst = Duration::ZERO;
    let mut until = std::pin::pin!(until);
    for number in first..first.saturating_add(most) {
        let events = vec![event(number, usize::MAX, moment(number))];
        let started = Instant::now();
        let recorded = async {
            store.record(events, None).await.expect("it is recorded");
        };
        let mut recorded = std::pin::pin!(recorded);
        tokio::select! {
            () = &mut recorded => worst = worst.max(started.elapsed()),
            () = &mut until => {
                recorded.await;
                break;
            }
        }
    }
    worst
}

fn size(path: &str) -> u64 {
    std::fs::metadata(path).expect("the file is there").len()
}

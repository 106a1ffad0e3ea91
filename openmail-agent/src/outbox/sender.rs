use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::api::{self, Client};
use crate::clock::{self, Clock, Throttle};
use crate::failpoint::{Point, pass};
use crate::limit::Quotas;
use crate::model::{Chain, IdempotencyKey, InboxId};
use crate::store::{
    self, Census, NewEvent, NewSend, Reservation, Reservations, ReserveRequest, SendOutcome, SendSettlement,
    Store, StoreError, StoreErrorKind, WorkerId,
};

use super::news::reply_failed;
use super::{Outbox, answer};

/// How many sends are under way at once.
const IN_FLIGHT: usize = 32;

const EXPIRED: &str = "it could not be sent within the 24 hours for which the service remembers its key";

/// When a send is attempted again, under its key, whose answer the store does not take.
const UNRECORDED: Duration = Duration::from_secs(10 * 60);

/// How often to say that replies wait.
const TELL: Duration = Duration::from_secs(60);

/// When to try a key again that the service did not accept.
const REFUSED: Duration = Duration::from_secs(60);

/// Sends what is owed: reserves a slot, makes one attempt, records what became of it.
pub(crate) struct Sender {
    /// Where sends are owed and settled.
    pub store: Arc<dyn Store>,
    /// The service.
    pub client: Client,
    /// Who is told of sends that are settled.
    pub outbox: Outbox,
    /// The time.
    pub clock: Clock,
    /// The limits of each inbox.
    pub quotas: Quotas,
    /// Who reserves.
    pub worker: WorkerId,
    /// The only inbox to send from; `None` = every inbox whose replies are in the store.
    pub only: Option<InboxId>,
    /// Who is told that news was recorded.
    pub news: Arc<tokio::sync::Notify>,
}

impl Sender {
    /// Sends until shut down, then finishes what is under way. What is not yet reserved stays in the store.
    ///
    /// # Cancel safety
    ///
    /// A send that was under way when the future is dropped is attempted again, by this process or the next, with the
    /// same key and the same words.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        let refusal = Refusal::default();
        let mut under_way = FuturesUnordered::<BoxFuture<'_, ()>>::new();
        let (mut failures, told) = (0, Throttle::new(TELL));
        while !shutdown.is_cancelled() {
            let now = self.clock.now();
            let room = refusal.places(now).saturating_sub(under_way.len());
            let (reserved, is_stale) = meanwhile(&mut under_way, self.reserve(room)).await;
            let next = match reserved {
                Ok(reservations) => {
                    failures = 0;
                    self.tell_expired(&reservations.expired);
                    under_way.extend(reservations.sends.into_iter().map(|send| self.attempt(send, &refusal)));
                    if is_stale {
                        continue;
                    }
                    if under_way.is_empty() {
                        self.tell_waiting(reservations.next_due, &told).await;
                    }
                    let next = store::look_again(&*self.store, reservations.next_due, self.clock.now());
                    refusal.until(now).map_or(next, |until| next.min(until))
                }
                Err(error) => {
                    warn!(error = %Chain(&error), "what is owed cannot be read from the store; trying again");
                    failures += 1;
                    clock::after(self.clock.now(), store::BACKOFF.with_half_jitter(failures))
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.outbox.woken(), if under_way.len() < IN_FLIGHT => {}
                () = self.clock.sleep_until(next), if under_way.len() < IN_FLIGHT => {}
                Some(()) = under_way.next() => {}
            }
        }
        while under_way.next().await.is_some() {}
    }

    async fn reserve(&self, limit: usize) -> Result<Reservations, StoreError> {
        if limit == 0 {
            return Ok(Reservations::default());
        }
        let request = ReserveRequest {
            inbox: self.only.clone(),
            quotas: self.quotas,
            news: expired,
            ..ReserveRequest::new(self.worker.clone(), limit, self.clock.now())
        };
        self.store.reserve(request).await
    }

    /// Says now and then that replies wait, and for what: an agent at its limit looks like one that hangs otherwise.
    ///
    /// To count them is cheap for a store of one process only.
    async fn tell_waiting(&self, next_due: Option<Timestamp>, told: &Throttle) {
        let now = self.clock.now();
        let Some(next) = next_due.filter(|next| *next > now && self.store.poll_every().is_none()) else {
            return;
        };
        if told.lets(now)
            && let Ok(Census { owed: replies @ 1.., .. }) = self.store.census().await
        {
            info!(replies, %next, "replies wait for the limit of their inbox, a pause or a hold");
        }
    }

    /// The store has recorded what there is to tell.
    fn tell_expired(&self, expired: &[NewSend]) {
        for send in expired {
            warn!(key = %send.key, inbox = %send.inbox_id, reason = EXPIRED, "not sent, and never will be");
            self.outbox.announce(&send.key);
        }
        if !expired.is_empty() {
            self.news.notify_one();
        }
    }

    /// One attempt, and its record.
    fn attempt<'a>(&'a self, reservation: Reservation, refusal: &'a Refusal) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let send = &reservation.send;
            pass(Point::Reserved);
            // A machine may sleep after the reservation, for longer than the service remembers the key.
            let is_too_late = || reservation.is_expired(self.clock.now());
            let answer = self.client.send_unless(&send.inbox_id, &send.draft, &send.key, is_too_late).await;
            let settlement = match answer.transpose() {
                Some(answer) => {
                    pass(Point::Answered);
                    refusal.learn(answer.as_ref().err().map(api::Error::kind), self.clock.now());
                    answer::settlement(&reservation, answer, self.clock.now())
                }
                None => answer::given_back(&reservation, self.clock.now()),
            };
            match &settlement.outcome {
                SendOutcome::Sent { .. } => debug!(key = %send.key, inbox = %send.inbox_id, "sent"),
                SendOutcome::Retry { at, error, .. } => {
                    warn!(key = %send.key, inbox = %send.inbox_id, %at, error, "not sent, to be tried again");
                }
                SendOutcome::Failed { error } => {
                    warn!(key = %send.key, inbox = %send.inbox_id, error, "not sent, and never will be");
                }
            }
            let news = settlement.news.is_some();
            self.record(settlement, &send.key).await;
            pass(Point::Sent);
            self.outbox.announce(&send.key);
            if news {
                self.news.notify_one();
            }
        })
    }

    /// Records until it is recorded: a send the service took must not be forgotten because the store was busy.
    async fn record(&self, mut settlement: SendSettlement, key: &IdempotencyKey) {
        let mut is_plain = false;
        for failures in 0.. {
            match self.store.settle_send(settlement.clone()).await {
                Ok(()) => return,
                Err(error) if error.is_transient() => {
                    warn!(%key, error = %Chain(&error), "what became of a send cannot be recorded; trying again");
                    settlement.now = self.time_after(failures).await;
                }
                // A store that does not take all of it may take that it is to be attempted again.
                Err(error) if *error.kind() == StoreErrorKind::Corrupt => {
                    warn!(%key, error = %Chain(&error), "what became of a send cannot be recorded");
                    if is_plain {
                        settlement.now = self.time_after(failures).await;
                        continue;
                    }
                    let (at, error) = (clock::after(settlement.now, UNRECORDED), Chain(&error).to_string());
                    let outcome = SendOutcome::Retry { at, counted: true, error };
                    settlement =
                        SendSettlement { outcome, lesson: None, hold: None, news: None, ..settlement };
                    is_plain = true;
                }
                // Recorded before the answer was lost, or somebody else's by now.
                Err(error) if *error.kind() == StoreErrorKind::LeaseLost && failures > 0 => return,
                Err(error) => {
                    warn!(%key, error = %Chain(&error), "what became of a send was not recorded: it is attempted again, under its key");
                    return;
                }
            }
        }
    }

    /// The time after a pause. An earlier one than the store was told meanwhile would pass for that of a clock which was set back.
    async fn time_after(&self, failures: u32) -> Timestamp {
        self.clock.sleep(store::BACKOFF.with_half_jitter(failures)).await;
        self.clock.now()
    }
}

/// That the service does not accept this process's key: one send after the other finds out whether it does again.
#[derive(Debug, Default)]
struct Refusal(Mutex<Option<Timestamp>>);

impl Refusal {
    /// When to ask again, while that is still to come.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.stands().filter(|until| *until > now)
    }

    fn stands(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sends may be under way.
    fn places(&self, now: Timestamp) -> usize {
        match self.stands() {
            Some(until) if until > now => 0,
            Some(_) => 1,
            None => IN_FLIGHT,
        }
    }

    fn learn(&self, error: Option<&api::ErrorKind>, now: Timestamp) {
        let until = match error {
            Some(api::ErrorKind::Unauthorized) => Some(clock::after(now, REFUSED)),
            Some(api::ErrorKind::Connect | api::ErrorKind::Timeout | api::ErrorKind::Interrupted) => return,
            _ => None,
        };
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), until);
        if before.is_none() && until.is_some() {
            error!(
                "the service does not accept the API key: replies wait until it does, or until a start with another key"
            );
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("worker", &self.worker)
            .field("quotas", &self.quotas)
            .finish_non_exhaustive()
    }
}

/// Sends that waited until the service would no longer know their key: they are never attempted again, since that could
/// send them twice.
fn expired(send: &NewSend, now: Timestamp) -> Option<NewEvent> {
    reply_failed(send, None, EXPIRED, now)
}

/// Waits for the store while what is under way goes on: otherwise each send would wait for the commits of all before it.
/// Tells as well whether something ended meanwhile: then the answer may be older than what has become of it.
async fn meanwhile<T>(
    under_way: &mut FuturesUnordered<BoxFuture<'_, ()>>,
    store: impl Future<Output = T>,
) -> (T, bool) {
    let mut store = pin!(store);
    let mut is_stale = false;
    loop {
        tokio::select! {
            answer = &mut store => return (answer, is_stale),
            Some(()) = under_way.next() => is_stale = true,
        }
    }
}

#[cfg(test)]
mod tests;

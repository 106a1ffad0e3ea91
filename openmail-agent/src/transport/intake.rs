use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use scopeguard::ScopeGuard;
use tokio::sync::{Notify, watch};
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::failpoint::{Point, pass};
use crate::model::{EventId, EventKind, InboxId};
use crate::store::{self, Bookmark, Lane, NewEvent, Recorded, Store};
use crate::wire::DecodeError;
use crate::wire::event::{Envelope, decode, envelope, fallback_id};

use super::pace::Pace;

/// The most that is kept of a body that cannot be read.
const PARKED_BODY_CAP: usize = 1024 * 1024;

/// Takes what arrived, whichever way, into the store: deduplicated, in its lane.
///
/// Cheap to clone. Nothing may be acknowledged before [`take`](Intake::take) has answered.
#[derive(Clone)]
pub(crate) struct Intake {
    store: Arc<dyn Store>,
    clock: Clock,
    wake: Arc<Notify>,
    /// Whether the last events could be recorded.
    records: Arc<watch::Sender<bool>>,
    pace: Arc<Pace>,
    /// The only inbox that is served, where there is but one.
    only: Option<InboxId>,
}

/// An event as a transport received it.
#[derive(Clone)]
pub(crate) struct Received {
    /// The event as it came.
    pub body: Bytes,
    /// Its id where the body has none: from a header, say.
    pub event_id: Option<EventId>,
    /// The way it came.
    pub via: Via,
    /// What it is about, where whoever received it has read that already.
    pub envelope: Option<Envelope>,
}

impl Received {
    /// An event as it came, of which nothing was read yet.
    pub(crate) fn new(body: impl Into<Bytes>, via: Via) -> Self {
        Self { body: body.into(), event_id: None, via, envelope: None }
    }
}

/// Bodies stay out of `Debug`.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("body", &self.body.len())
            .field("event_id", &self.event_id)
            .field("via", &self.via)
            .field("envelope", &self.envelope)
            .finish()
    }
}

/// The way an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A frame of the socket.
    WebSocket,
    /// A webhook.
    #[cfg(any(test, feature = "webhook"))]
    Webhook,
    /// A row found over REST.
    CatchUp,
}

impl Intake {
    /// An intake into this store that notifies `wake` when there is something new to handle.
    #[must_use]
    pub(crate) fn new(store: Arc<dyn Store>, clock: Clock, wake: Arc<Notify>) -> Self {
        let records = Arc::new(watch::Sender::new(true));
        Self { store, clock, wake, records, pace: Arc::default(), only: None }
    }

    /// Sets aside what is about another inbox, unless other processes share the store and may serve that one: an account's
    /// webhook brings the mail of all.
    #[must_use]
    pub(crate) fn serving_only(mut self, inbox_id: Option<InboxId>) -> Self {
        self.only = inbox_id;
        self
    }

    /// Records events, and moves a bookmark with them: all of it, or nothing.
    ///
    /// Of each only [what it is about](Envelope) is read; a body of which that cannot be told is kept too, set aside for the operator.
    /// Answers one verdict for each, in order.
    ///
    /// # Errors
    ///
    /// As [`Store::record`]; nothing was recorded then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, either all was recorded or nothing; recording the same again does no harm.
    pub(crate) async fn take(
        &self,
        received: Vec<Received>,
        bookmark: Option<Bookmark>,
    ) -> store::Result<Vec<Recorded>> {
        let via = received.first().map(|first| first.via);
        self.record(via, self.read(received), bookmark).await
    }

    /// Reads of each event what it is about: the part of [`take`](Self::take) that need not be done again where the store fails.
    pub(super) fn read(&self, received: Vec<Received>) -> Vec<Arc<NewEvent>> {
        let now = self.clock.now();
        let events = received.into_iter().map(|received| self.sorted(new_event(received, now)));
        let events = events.map(Arc::new).collect();
        pass(Point::Decoded);
        events
    }

    /// Records what was [read](Self::read), as [`take`](Self::take) does.
    pub(super) async fn record(
        &self,
        via: Option<Via>,
        events: Vec<Arc<NewEvent>>,
        bookmark: Option<Bookmark>,
    ) -> store::Result<Vec<Recorded>> {
        let parked: Vec<_> = events.iter().filter(|event| event.parked.is_some()).cloned().collect();
        // Whoever brought them may go away before the store has answered, and nobody else would tell of them.
        let told = scopeguard::guard(&self.wake, |wake| wake.notify_one());
        let recorded = self.store.record(events, bookmark).await;
        let works = recorded.is_ok();
        self.records.send_if_modified(|records| std::mem::replace(records, works) != works);
        let recorded = recorded?;
        pass(Point::Recorded);
        let new = recorded.iter().filter(|verdict| matches!(verdict, Recorded::New(_))).count();
        for event in parked {
            warn!(event_id = %event.event_id, reason = event.parked, bytes = event.body.len(), "parked an event");
        }
        debug!(?via, taken = recorded.len(), new, "recorded events");
        self.pace.recorded(new);
        if new == 0 {
            ScopeGuard::into_inner(told);
        }
        Ok(recorded)
    }

    fn sorted(&self, mut event: NewEvent) -> NewEvent {
        if let (Some(only), Some(inbox_id)) = (&self.only, &event.inbox_id)
            && only != inbox_id
            && self.store.poll_every().is_none()
        {
            let reason = || format!("inbox {inbox_id} is not the one this agent serves");
            event.parked.get_or_insert_with(reason);
            // Who serves that inbox one day finds it over REST, and it is news to them.
            event.message_id = None;
        }
        event
    }

    /// Says how many events were handed out to be handled, and whether those are all that can be handled now.
    ///
    /// Where what was recorded is some dozen events ahead of that, the [socket](super::websocket) pauses for up to ten
    /// milliseconds after each batch: a flood would otherwise be written to the disk only to be read from there again. As
    /// long as nobody says so, it does not.
    pub(crate) fn handed_out(&self, events: usize, is_all: bool) {
        self.pace.handed_out(events, is_all);
    }

    /// Waits while recording is too far ahead of handing out: ten milliseconds at most.
    pub(super) async fn keep_pace(&self) {
        self.pace.keep().await;
    }

    /// Whether events can be recorded, as the last attempt showed, now and from now on.
    #[must_use]
    pub(crate) fn records(&self) -> watch::Receiver<bool> {
        self.records.subscribe()
    }

    /// Rung when there may be something to handle: an event was recorded, news of a send was, or the event before it in its lane was
    /// settled while its thread is still being marked as read.
    pub(crate) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    /// The store behind it.
    #[must_use]
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock it stamps arrivals with.
    #[must_use]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

fn new_event(received: Received, now: Timestamp) -> NewEvent {
    let read = match received.envelope {
        Some(envelope) => Ok(envelope),
        None => envelope(&received.body, received.event_id.clone()),
    };
    let read = read.and_then(|envelope| readable_or_with_row(envelope, &received.body));
    match read {
        Ok(envelope) => readable(envelope, received.body, now),
        Err(error) => {
            let reason = format!("the event cannot be decoded: {error}");
            unreadable(received.event_id, received.body, reason, now)
        }
    }
}

fn readable(envelope: Envelope, body: Bytes, now: Timestamp) -> NewEvent {
    NewEvent {
        lane: lane(&envelope),
        event_id: envelope.id,
        message_id: envelope.message_id,
        inbox_id: envelope.inbox_id,
        kind: envelope.kind,
        occurred_at: envelope.occurred_at.unwrap_or(now),
        received_at: now,
        body,
        parked: None,
    }
}

/// A mail whose event cannot be read is handled from its row, which is found by its thread. One without a thread must be readable, or
/// it must not count as known: the catch-up may bring it.
fn readable_or_with_row(envelope: Envelope, body: &[u8]) -> Result<Envelope, DecodeError> {
    if envelope.message_id.is_some() && envelope.thread_id.is_none() {
        decode(body, Some(envelope.id.clone()))?;
    }
    Ok(envelope)
}

fn unreadable(event_id: Option<EventId>, body: Bytes, reason: String, now: Timestamp) -> NewEvent {
    let event_id = event_id.unwrap_or_else(|| fallback_id(&body));
    // A copy, since a slice would keep the whole of it alive.
    let body = match body.get(..PARKED_BODY_CAP) {
        Some(start) => Bytes::copy_from_slice(start),
        None => body,
    };
    NewEvent {
        lane: Lane(event_id.as_str().into()),
        event_id,
        message_id: None,
        inbox_id: None,
        kind: EventKind::new("unreadable"),
        occurred_at: now,
        received_at: now,
        body,
        parked: Some(reason),
    }
}

/// The conversation; where there is none, the narrowest thing whose news must not overtake one another.
fn lane(envelope: &Envelope) -> Lane {
    let name = (envelope.thread_id.clone().map(Into::into))
        .or_else(|| envelope.message_id.clone().map(Into::into))
        .or_else(|| envelope.inbox_id.clone().map(Into::into))
        .or_else(|| envelope.pod_id.clone().map(Into::into))
        .unwrap_or_else(|| envelope.id.clone().into());
    Lane(name)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::troubled::TroubledStore;

    const NOW: &str = "2026-02-24T10:06:00Z";

    fn taken(body: &str, hint: Option<&str>) -> NewEvent {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let received =
            Received { body, event_id: hint.map(EventId::from), via: Via::Webhook, envelope: None };
        new_event(received, NOW.parse().unwrap())
    }

    #[test]
    fn an_event_waits_in_the_narrowest_lane_it_names() {
        let message = |thread: &str| {
            format!(
                r#"{{"event":"message.received","event_id":"evt_1","inbox_id":"inb_1",{thread}"message":{{"id":"msg_1"}}}}"#
            )
        };
        for (body, expected) in [
            (message(r#""thread_id":"thr_1","#), "thr_1"),
            (message(""), "msg_1"),
            (
                r#"{"event":"inbox.suspended","event_id":"evt_1","inbox_id":"inb_1","pod_id":"pod_1"}"#
                    .into(),
                "inb_1",
            ),
            (
                r#"{"event":"pod.suspended","event_id":"evt_1","inbox_id":null,"pod_id":"pod_1"}"#.into(),
                "pod_1",
            ),
            (r#"{"event":"brand.new","event_id":"evt_1"}"#.into(), "evt_1"),
        ] {
            let event = taken(&body, None);
            assert_eq!(&*event.lane.0, expected, "{body}");
            assert_eq!(event.parked, None, "{body}");
        }
    }

    #[test]
    fn a_mail_that_can_neither_be_read_nor_found_does_not_count_as_known() {
        let twice = |thread: &str| {
            format!(
                r#"{{"event":"message.received","event_id":"evt_1",{thread}"message":{{"id":"msg_1","subject":"a","subject":"b"}}}}"#
            )
        };
        let (alone, within) = (taken(&twice(""), None), taken(&twice(r#""thread_id":"thr_1","#), None));
        assert!(alone.parked.is_some() && alone.message_id.is_none());
        assert!(within.parked.is_none() && within.message_id.is_some(), "its row is found by its thread");
    }

    #[test]
    fn the_time_of_arrival_stands_in_for_a_missing_one() {
        let event = taken(r#"{"event":"brand.new","occurred_at":"2026-02-24T10:05:00Z"}"#, Some("evt_9"));
        assert_eq!(event.occurred_at.to_string(), "2026-02-24T10:05:00Z");
        assert_eq!((event.event_id.as_str(), event.received_at.to_string().as_str()), ("evt_9", NOW));
        assert_eq!(taken(r#"{"event":"brand.new"}"#, None).occurred_at, NOW.parse().unwrap());
    }

    #[test]
    fn what_cannot_be_decoded_is_parked_under_an_id_of_its_own() {
        for body in ["", "garbage", "[]", "{}", r#"{"event":"message.received"}"#] {
            let event = taken(body, None);
            assert!(event.parked.is_some(), "{body:?}");
            assert_eq!(event.event_id, fallback_id(body.as_bytes()));
            assert_eq!(event.body, body);
        }
        assert_eq!(taken("garbage", Some("evt_1")).event_id.as_str(), "evt_1");
        assert_eq!(taken(&"x".repeat(2 * PARKED_BODY_CAP), None).body.len(), PARKED_BODY_CAP);
    }

    #[tokio::test]
    async fn what_was_recorded_for_somebody_who_went_away_is_told_all_the_same() {
        let (wake, store) = (Arc::new(Notify::new()), Arc::new(TroubledStore::default()));
        let intake = Intake::new(store.clone(), Clock::system(), wake.clone());
        let body = Bytes::from_static(br#"{"event":"brand.new","event_id":"evt_1"}"#);
        let received = vec![Received { body, event_id: None, via: Via::Webhook, envelope: None }];
        store.recording.shut();
        let gone = tokio::time::timeout(std::time::Duration::ZERO, intake.take(received, None)).await;
        assert!(gone.is_err(), "the store has not answered");
        assert!(wake.notified().now_or_never().is_some(), "the dispatcher is told");
        assert_eq!(store.lease_all().await.len(), 1);
    }

    #[tokio::test]
    async fn what_is_about_an_inbox_that_nobody_serves_is_set_aside() {
        let store = Arc::new(MemoryStore::new());
        let intake = Intake::new(store.clone(), Clock::system(), Arc::default());
        let intake = intake.serving_only(Some("inb_1".into()));
        let about = |(id, inbox_id): (&str, &str)| {
            let body = format!(r#"{{"event":"brand.new","event_id":"{id}","inbox_id":{inbox_id}}}"#);
            Received { body: body.into(), event_id: None, via: Via::Webhook, envelope: None }
        };
        let received = [("1", "null"), ("2", r#""inb_1""#), ("3", r#""inb_2""#)].map(about);
        intake.take(received.into(), None).await.unwrap();
        let census = store.census().await.unwrap();
        assert_eq!((census.waiting, census.parked), (2, 1));
    }

    #[tokio::test]
    async fn what_was_set_aside_is_news_to_who_serves_that_inbox_later() {
        let store = Arc::new(MemoryStore::new());
        let intake = Intake::new(store.clone(), Clock::system(), Arc::default());
        let mail = |event: &str| {
            let body = format!(
                r#"{{"event":"message.received","event_id":"{event}","inbox_id":"inb_2","message":{{"id":"msg_1"}}}}"#
            );
            vec![Received { body: body.into(), event_id: None, via: Via::Webhook, envelope: None }]
        };
        let elsewhere = intake.clone().serving_only(Some("inb_1".into()));
        for _ in 0..2 {
            elsewhere.take(mail("evt_1"), None).await.unwrap();
        }
        assert_eq!(store.census().await.unwrap().parked, 1);
        intake.take(mail("row:msg_1"), None).await.unwrap();
        assert_eq!(store.census().await.unwrap().waiting, 1);
    }

    #[tokio::test]
    async fn only_news_wakes_the_dispatcher_and_the_bookmark_moves_along() {
        let wake = Arc::new(Notify::new());
        let intake = Intake::new(Arc::new(MemoryStore::new()), Clock::system(), wake.clone());
        let body = Bytes::from_static(br#"{"event":"brand.new","event_id":"evt_1"}"#);
        let received = vec![Received { body, event_id: None, via: Via::WebSocket, envelope: None }];
        let bookmark = Some(Bookmark::new("websocket", "evt_1"));
        assert!(matches!(intake.take(received.clone(), bookmark).await.unwrap()[..], [Recorded::New(_)]));
        wake.notified().await;
        assert_eq!(intake.store().bookmark("websocket").await.unwrap().as_deref(), Some("evt_1"));
        assert_eq!(intake.take(received, None).await.unwrap(), [Recorded::Known]);
        let woken = tokio::time::timeout(std::time::Duration::ZERO, wake.notified()).await;
        assert!(woken.is_err(), "nothing new came");
    }
}

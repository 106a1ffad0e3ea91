//! One event, from lease to settlement.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span, warn};

use crate::api::Room;
use crate::clock;
use crate::failpoint::{Point, pass};
use crate::give_way::give_way;
use crate::handler::{Attempt, Context, ContextParts, Mail, Services, States, Thread};
use crate::model::{Address, Chain, Event, Inbox, InboxId, Message, Payload};
use crate::outbox::Sender;
use crate::router::{Entry, Router};
use crate::store::{self, EventOutcome, Lease, Leased, NewEvent, StoreError, WorkerId};
use crate::transport::{Intake, catch_up};
use crate::wire::DecodeError;
use crate::wire::event::{self, Envelope, decode, envelope};

use super::AllowedSenders;
use super::call::{self, Admission, Passage, Undecided};
use super::directory::Directory;
use super::finding::{Finding, parked, undecoded};
use super::hydrate::{self, Row, Rows};
use super::screen;
use super::unserved::Unserved;

/// How long a suspect waits until nothing else is undecided, with its place and its conversation in hand.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many tries more than the handler's own an event gets whose tries ended with the process: it may have been stopped, or
/// another mail's fault.
const CRASHES: u32 = 5;

/// What every event is handled with.
pub(super) struct Workbench {
    pub(super) services: Arc<Services>,
    /// Where mails go that are found on the way.
    pub(super) intake: Intake,
    pub(super) router: Router,
    pub(super) directory: Arc<Directory>,
    pub(super) is_own: Arc<dyn Fn(&Address) -> bool + Send + Sync>,
    pub(super) states: Arc<States>,
    pub(super) allowed: AllowedSenders,
    pub(super) admission: Admission,
    pub(super) unserved: Unserved,
    pub(super) rows: Rows,
    /// Whether mail is handled as its event shows it, wherever that can be read.
    pub(super) trusts_events: bool,
    /// Cancelled when there is no more time: handlers are dropped, and their events given back.
    pub(super) dropping: CancellationToken,
}

impl Workbench {
    pub(super) fn new(
        services: Services,
        intake: Intake,
        router: Router,
        directory: Arc<Directory>,
        states: States,
        allowed: AllowedSenders,
    ) -> Self {
        Self {
            rows: Rows::new(services.client.clone(), services.clock.clone()),
            services: Arc::new(services),
            intake,
            admission: Admission::new(&router),
            unserved: Unserved::default(),
            router,
            is_own: Arc::clone(&directory).own(),
            directory,
            states: Arc::new(states),
            allowed,
            trusts_events: false,
            dropping: CancellationToken::new(),
        }
    }

    /// What sends the replies that are owed.
    pub(super) fn sender(&self, worker: WorkerId, only: Option<InboxId>) -> Sender {
        Sender {
            store: Arc::clone(&self.services.store),
            client: self.services.client.clone(),
            outbox: self.services.outbox.clone(),
            clock: self.services.clock.clone(),
            quotas: self.services.quotas,
            worker,
            only,
            news: Arc::clone(self.intake.wake()),
        }
    }

    /// Handles a leased event and settles it. Never fails: what goes wrong is the event's outcome.
    pub(super) async fn handle(&self, leased: Leased, mut undecided: Option<Undecided>) {
        let span = info_span!("event", id = %leased.event.event_id, kind = %leased.event.kind, attempt = leased.attempt);
        async {
            let finding = AssertUnwindSafe(self.find(&leased, &mut undecided)).catch_unwind();
            let finding = tokio::select! {
                biased;
                finding = finding => finding,
                () = self.dropping.cancelled() => Ok(self.given_back()),
            };
            // The lease of a living worker has no end of its own: what is not settled would never be handled again.
            let finding =
                finding.unwrap_or_else(|panic| self.try_again(&leased, call::panic_message(&*panic)).into());
            self.settle(&leased, finding).await;
        }
        .instrument(span)
        .await;
    }

    /// Steps 3 to 7 of the way of a mail.
    async fn find(&self, leased: &Leased, undecided: &mut Option<Undecided>) -> Finding {
        if self.services.stopping.is_cancelled() {
            return self.given_back();
        }
        let (event, undecodable) = match read(&leased.event) {
            Ok((event, undecodable)) => (Arc::new(event), undecodable),
            Err(error) => return parked(undecoded(&error)),
        };
        if let Payload::Lifecycle(lifecycle) = &event.payload
            && let Err(error) = self.apply(lifecycle, leased).await
        {
            warn!(error = %Chain(&error), "a suspension cannot be recorded; trying again");
            return EventOutcome::Defer { at: clock::after(self.now(), store::BACKOFF.ceiling(3)) }.into();
        }
        let inbox = match self.inbox(&event).await {
            Ok(inbox) => inbox,
            Err(at) => return EventOutcome::Defer { at }.into(),
        };
        match &event.payload {
            Payload::Message(hint) => {
                let hint = Arc::clone(hint);
                self.mail(event, hint, undecodable, inbox, leased, undecided).await
            }
            _ => self.route(event, None, None, inbox, leased, undecided).await,
        }
    }

    /// The inbox an event is about; when to ask again, where the service cannot tell at the moment. One that there is no
    /// more is served by its id alone.
    async fn inbox(&self, event: &Event) -> Result<Option<Arc<Inbox>>, Timestamp> {
        let Some(id) = &event.inbox_id else { return Ok(None) };
        let found = self.unless_stopping(self.directory.find(id, &self.services.client)).await;
        let mut inbox = match found.ok_or_else(|| self.now())? {
            Ok(inbox) => inbox,
            Err(error) => {
                debug!(inbox = %id, error = %Chain(&error), "the inbox cannot be read");
                match hydrate::ask_again(&error, self.now()) {
                    Some(at) => return Err(at),
                    None => Arc::new(Inbox::new(id.clone())),
                }
            }
        };
        if let (None, Some(external_id)) = (&inbox.external_id, &event.external_id) {
            Arc::make_mut(&mut inbox).external_id = Some(external_id.clone());
        }
        Ok(Some(inbox))
    }

    async fn mail(
        &self,
        mut event: Arc<Event>,
        hint: Arc<Message>,
        undecodable: Option<DecodeError>,
        inbox: Option<Arc<Inbox>>,
        leased: &Leased,
        undecided: &mut Option<Undecided>,
    ) -> Finding {
        if let Some(reason) = screen::reason_to_park_unread(&hint, &self.allowed, &*self.is_own) {
            return parked(reason);
        }
        let unread = event.thread_id.clone().filter(|_| !self.trusts_events);
        // Before the service is asked for the row: whoever waits for a busy handler would ask again and again.
        if undecodable.is_none()
            && let Some(entry) = self.router.route(&event, Some(&hint), inbox.as_deref())
            && (self.admission.is_full(entry) || is_suspect(leased, entry) && self.admission.have_suspect())
        {
            return self.put_back();
        }
        let needs_row = !self.trusts_events || undecodable.is_some();
        let row = if needs_row { self.row(&event, &hint, leased).await } else { Row::Missing };
        let (message, conversation, _room) = match row {
            Row::Read(row, conversation, room) => (Arc::from(row), conversation, room),
            Row::Missing => match undecodable {
                Some(error) => return self.without_row(&error, leased),
                None => (Arc::clone(&hint), None, Room::default()),
            },
            Row::Unscreened(reason) => return parked(reason),
            Row::Later(at) => return EventOutcome::Defer { at }.into(),
        };
        if let (Some(inbox), Some(conversation)) = (&inbox, &conversation)
            && let Some(at) = self.overtaken(&message, &conversation.messages, inbox, &leased.lease).await
        {
            return EventOutcome::Defer { at }.into();
        }
        if let Some(reason) = screen::reason_to_park(&message, &self.allowed, &*self.is_own) {
            return parked(reason);
        }
        if !Arc::ptr_eq(&message, &hint) || event.thread_id.is_none() {
            let event = Arc::make_mut(&mut event);
            event.thread_id = event.thread_id.take().or_else(|| message.thread_id.clone());
            event.payload = Payload::Message(Arc::clone(&message));
        }
        let thread = event.thread_id.clone().zip(conversation);
        let thread = thread.map(|(id, read)| self.services.thread(id, read, Some(&message.id)));
        let finding = self.route(event, Some(message.into()), thread, inbox, leased, undecided).await;
        Finding { unread, ..finding }
    }

    /// When to come back, where earlier mails of the conversation wait, among them those that no event told of: they come first.
    async fn overtaken(
        &self,
        mail: &Message,
        conversation: &[Message],
        inbox: &Inbox,
        lease: &Lease,
    ) -> Option<Timestamp> {
        let overtaken = async {
            let has_earlier = catch_up::feed_earlier(&self.intake, inbox, conversation, mail).await?;
            Ok(has_earlier && self.services.store.is_overtaken(lease).await?)
        };
        match overtaken.await {
            Ok(false) => None,
            Ok(true) => {
                debug!("earlier mail of the conversation is handled first");
                Some(self.now())
            }
            Err(error) => {
                let error: StoreError = error;
                warn!(error = %Chain(&error), "earlier mail of the conversation cannot be looked for; trying again");
                Some(clock::after(self.now(), store::BACKOFF.ceiling(3)))
            }
        }
    }

    /// The row behind the event; an event made of a row needs none.
    async fn row(&self, event: &Event, hint: &Message, leased: &Leased) -> Row {
        let is_row = event.id.as_str().starts_with(event::FROM_ROW);
        match &event.thread_id {
            Some(thread_id) if !is_row => {
                // Boxed, since a request is large, and little of the way needs one.
                let row = Box::pin(self.rows.row(
                    thread_id,
                    event.inbox_id.as_ref(),
                    hint,
                    leased.event.received_at,
                ));
                let row = self.unless_stopping(row).await.unwrap_or_else(|| Row::Later(self.now()));
                // The connection has been woken, and others may need it.
                give_way().await;
                row
            }
            _ => Row::Missing,
        }
    }

    /// Waits for what comes before the handler, but for no longer than until the runtime is told to stop: what has not begun by then
    /// is given back.
    async fn unless_stopping<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        self.services.stopping.run_until_cancelled(step).await
    }

    async fn route(
        &self,
        event: Arc<Event>,
        mail: Option<Mail>,
        thread: Option<Thread>,
        inbox: Option<Arc<Inbox>>,
        leased: &Leased,
        undecided: &mut Option<Undecided>,
    ) -> Finding {
        let message = mail.as_ref().map(Mail::message);
        let Some(entry) = self.router.route(&event, message, inbox.as_deref()) else {
            return match mail {
                Some(_) => self.without_handler(leased),
                None => EventOutcome::Done.into(),
            };
        };
        let replies = thread.iter().flat_map(Thread::replies).collect();
        // Memory holds what the handler asks for, which may be long at work.
        let thread = thread.filter(|_| entry.reads_thread());
        let attempt = Attempt::new(leased.attempt, entry.attempts());
        if leased.attempt > entry.attempts().saturating_add(CRASHES) {
            return self.crashing(leased.attempt).into();
        }
        let _alone = if is_suspect(leased, entry) {
            let Some(alone) = self.admission.pass_suspect() else { return self.put_back() };
            // Those that wait for their rows may take their time: this one gets another turn.
            let decided = timeout(PATIENCE, self.admission.nothing_else_undecided());
            match self.unless_stopping(decided).await {
                Some(Ok(())) => Some(alone),
                Some(Err(_)) => return self.put_back(),
                None => return self.given_back(),
            }
        } else {
            *undecided = None;
            None
        };
        let _place = match self.admission.pass(entry, &self.services.stopping).await {
            Passage::In(place) => place,
            Passage::Full => return self.put_back(),
            Passage::Stopping => return self.given_back(),
        };
        let context = Context::new(ContextParts {
            event,
            mail,
            thread,
            replies,
            inbox,
            handler: entry.name().clone(),
            attempt,
            states: Arc::clone(&self.states),
            lease: leased.lease.clone(),
            services: Arc::clone(&self.services),
            is_own: Arc::clone(&self.is_own),
        });
        pass(Point::Routed);
        let result = call::run(entry, &context).await;
        pass(Point::Handled);
        self.conclude(result, &context, attempt)
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.services.clock.now()
    }
}

/// Whether it may be what ended the process: it has had all of its tries, and the last of them ended without a word.
fn is_suspect(leased: &Leased, entry: &Entry) -> bool {
    leased.attempt > entry.attempts()
}

/// What the event says. Of a mail that cannot be read beyond what it is about, only that, and why: its row knows the rest.
fn read(kept: &NewEvent) -> Result<(Event, Option<DecodeError>), DecodeError> {
    let hint = Some(kept.event_id.clone());
    let error = match decode(&kept.body, hint.clone()) {
        Ok(event) => return Ok((event, None)),
        Err(error) => error,
    };
    match envelope(&kept.body, hint).ok().and_then(Envelope::into_mail) {
        Some(event) => Ok((event, Some(error))),
        None => Err(error),
    }
}

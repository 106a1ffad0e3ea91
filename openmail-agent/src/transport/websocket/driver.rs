use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api;
use crate::failpoint::{Point, pass};
use crate::give_way::give_way;
use crate::model::{Chain, EventId, InboxId};
use crate::store;
use crate::transport::{GapSignal, Intake, Received, Via};
use crate::wire::frame::ServerFrame;

use super::config::{ConfigError, WebSocketConfig};
use super::dial::Dialler;
use super::link::Link;
use super::recorder::{Queue, Recorder};
use super::session::{Action, Input, Session};
use super::state::{SocketState, StopReason};

/// How long the reader may wait for the recorder: less than the 10 s in which the service wants its pings answered.
const STALL: Duration = Duration::from_secs(8);
/// How many frames are read before anything else is looked at, and how large they may be for another to be read.
const AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// Receives events over the WebSocket, and keeps at it.
#[derive(Debug)]
pub(crate) struct WebSocket {
    dialler: Dialler,
    bookmark: String,
    intake: Intake,
    state: watch::Sender<SocketState>,
    only: Option<InboxId>,
    again: Arc<Notify>,
    has_run: AtomicBool,
}

/// Has a running [`WebSocket`] subscribe again: a key's "all inboxes" are those that exist at that moment.
#[derive(Debug, Clone)]
pub(crate) struct Subscriptions(Arc<Notify>);

impl Subscriptions {
    /// There are more inboxes than there were.
    pub(crate) fn refresh(&self) {
        self.0.notify_one();
    }
}

impl WebSocket {
    /// A socket that feeds this intake, once it [runs](WebSocket::run).
    ///
    /// # Errors
    ///
    /// When the settings cannot make a connection: the kind says which.
    pub(crate) fn new(config: WebSocketConfig, intake: Intake) -> Result<Self, ConfigError> {
        let request = config.request()?;
        let dialler = Dialler { tls: config.tls(&request)?, proxy: config.proxy(), request };
        let state = watch::Sender::new(SocketState::Connecting);
        Ok(Self {
            dialler,
            bookmark: config.bookmark,
            intake,
            state,
            only: config.only,
            again: Arc::default(),
            has_run: AtomicBool::new(false),
        })
    }

    /// Where the socket stands, now and from now on.
    #[must_use]
    pub(crate) fn state(&self) -> watch::Receiver<SocketState> {
        self.state.subscribe()
    }

    /// A handle that has it subscribe again.
    pub(crate) fn subscriptions(&self) -> Subscriptions {
        Subscriptions(Arc::clone(&self.again))
    }

    /// Receives until `shutdown`, or until the service refuses the key: connects, resumes where the store left off,
    /// reconnects. Suspected gaps go to `gaps`. Can be run again after it has ended.
    ///
    /// On `shutdown` the connection is closed and what has arrived is recorded, unless the store fails.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, events that were received but not recorded are replayed at the next run.
    pub(crate) async fn run(&self, gaps: &GapSignal, shutdown: CancellationToken) -> StopReason {
        self.take_over();
        let Some(cursor) = self.cursor(&shutdown).await else { return self.stop(StopReason::ShutDown) };
        let (recorder, queue, recorded) = Recorder::new(self.intake.clone(), self.bookmark.clone());
        let mut session = Session::new(self.only.clone(), cursor, now());
        let has_run = self.has_run.swap(true, Ordering::Relaxed);
        if has_run || self.intake.store().poll_every().is_some() {
            session = session.after_another();
        }
        let driver = Driver {
            session,
            link: Link::Down,
            dialler: self.dialler.clone(),
            queue,
            arrived: Vec::new(),
            gaps: gaps.clone(),
            state: self.state.clone(),
        };
        let closing = CancellationToken::new();
        let drive = async {
            let reason = driver.run(recorded, &self.again, &shutdown).await;
            closing.cancel();
            reason
        };
        // What was read is recorded before more is read.
        let (reason, ()) = tokio::join!(biased; drive, recorder.run(closing.clone()));
        self.stop(reason)
    }

    /// Says that another process holds the socket for now.
    pub(crate) fn stand_by(&self) {
        self.state.send_replace(SocketState::Standby);
    }

    /// From now on it is this process that sees to a subscription, and none is in force yet. Where the key was refused, that
    /// stands until the service says otherwise.
    fn take_over(&self) {
        self.state.send_if_modified(|state| {
            let stood_by = matches!(state, SocketState::Standby | SocketState::Stopped(StopReason::ShutDown));
            if stood_by {
                *state = SocketState::Connecting;
            }
            stood_by
        });
    }

    /// Where to resume, however long it takes to learn; `None` on shutdown.
    async fn cursor(&self, shutdown: &CancellationToken) -> Option<Option<EventId>> {
        for failures in 0.. {
            match self.intake.store().bookmark(&self.bookmark).await {
                Ok(cursor) => return Some(cursor.map(EventId::from)),
                Err(error) => warn!(error = %Chain(&error), "cannot read where to resume"),
            }
            tokio::select! {
                () = tokio::time::sleep(store::BACKOFF.with_half_jitter(failures)) => {}
                () = shutdown.cancelled() => break,
            }
        }
        None
    }

    fn stop(&self, reason: StopReason) -> StopReason {
        self.state.send_replace(SocketState::Stopped(reason));
        reason
    }
}

/// Carries the session's decisions out.
struct Driver {
    session: Session,
    link: Link,
    dialler: Dialler,
    queue: Queue,
    /// Events that are to be handed on together.
    arrived: Vec<Received>,
    gaps: GapSignal,
    state: watch::Sender<SocketState>,
}

impl Driver {
    async fn run(
        mut self,
        mut recorded: watch::Receiver<Option<EventId>>,
        again: &Notify,
        shutdown: &CancellationToken,
    ) -> StopReason {
        let mut inputs = VecDeque::from([Input::Tick]);
        loop {
            if let Some(reason) = self.work_off(&mut inputs, shutdown).await {
                return reason;
            }
            let deadline = self.session.next_deadline().map(tokio::time::Instant::from_std);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    self.link.close().await;
                    return StopReason::ShutDown;
                }
                Ok(()) = recorded.changed() => {
                    inputs.extend(recorded.borrow_and_update().clone().map(Input::Recorded));
                }
                () = again.notified() => inputs.push_back(Input::SubscribeAgain),
                () = sleep_until(deadline) => inputs.push_back(Input::Tick),
                input = self.link.next() => self.read_on(input, &mut inputs),
            }
        }
    }

    /// Does what the session says to what happened, until nothing is left, or the session has ended.
    async fn work_off(
        &mut self,
        inputs: &mut VecDeque<Input>,
        shutdown: &CancellationToken,
    ) -> Option<StopReason> {
        let mut actions = Vec::new();
        while let Some(input) = inputs.pop_front() {
            self.session.handle(input, now(), &mut actions);
            for action in actions.drain(..) {
                if let Action::Deliver { body, event_id, envelope } = action {
                    pass(Point::Received);
                    self.arrived.push(Received { body, event_id, via: Via::WebSocket, envelope });
                    continue;
                }
                self.hand_on(inputs, shutdown).await;
                match action {
                    Action::Stop(reason) => return Some(reason),
                    action => inputs.extend(self.act(action).await),
                }
            }
            if inputs.is_empty() {
                self.hand_on(inputs, shutdown).await;
            }
        }
        None
    }

    /// Hands on what has arrived, all of it or nothing: what came behind an event that was let go must not be recorded without it.
    async fn hand_on(&mut self, inputs: &mut VecDeque<Input>, shutdown: &CancellationToken) {
        if self.arrived.is_empty() {
            return;
        }
        tokio::select! {
            biased;
            // The recorder's turn comes before anything else is read.
            () = self.queue.put(std::mem::replace(&mut self.arrived, Vec::with_capacity(AT_ONCE))) => {
                give_way().await;
            }
            () = tokio::time::sleep(STALL) => inputs.push_front(Input::Stalled),
            () = shutdown.cancelled() => inputs.push_front(Input::Stalled),
        }
    }

    /// Puts a frame with what has arrived behind it: a flood need not wait for anything else between two frames.
    fn read_on(&mut self, first: Input, inputs: &mut VecDeque<Input>) {
        let (mut input, mut bytes) = (Some(first), 0);
        while let Some(next) = input {
            if let Input::Frame(ServerFrame::Event { body, .. }) = &next {
                bytes += body.len();
            }
            let goes_on = matches!(next, Input::Frame(_)) && inputs.len() < AT_ONCE && bytes < BYTES_AT_ONCE;
            inputs.push_back(next);
            input = if goes_on { self.link.next().now_or_never() } else { None };
        }
    }

    /// Does one thing. What goes wrong with it is input again.
    async fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Dial => self.link.dial(self.dialler.clone()),
            Action::Send(frame) => {
                return (!self.link.send(&frame).await).then_some(Input::Closed(None));
            }
            Action::Ping => return (!self.link.ping().await).then_some(Input::Closed(None)),
            Action::State(state) => self.show(state),
            Action::Gap(reason) => {
                info!(%reason, "looking over REST for mail that may have been missed");
                self.gaps.suspect(reason);
            }
            Action::Report(message) => {
                warn!(message = api::presentable(&message), "the service refused something on the socket");
            }
            Action::Close => self.link.close().await,
            Action::Deliver { .. } | Action::Stop(_) => {}
        }
        None
    }

    fn show(&self, state: SocketState) {
        match state {
            SocketState::Degraded(_) => warn!(%state, "socket"),
            SocketState::Stopped(_) => tracing::error!(%state, "socket"),
            _ => info!(%state, "socket"),
        }
        self.state.send_replace(state);
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Tokio's time, which tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

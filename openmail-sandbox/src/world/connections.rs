use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{World, clock::later, keys::Caller};
use crate::model::{EventRecord, Fault, Transport};

const CONNECTIONS_PER_ACCOUNT: usize = 10;
const MESSAGES_PER_WINDOW: usize = 30;
const WINDOW: std::time::Duration = std::time::Duration::from_secs(10);
/// A client that reads nothing is cut off when this many frames wait for it.
const QUEUED_FRAMES: usize = 65_536;

/// What the server has to say on a socket.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Text(String),
    Event {
        /// Its place in the log.
        at: usize,
        transport: Transport,
        body: String,
    },
    Binary(Bytes),
    Close {
        code: u16,
        reason: String,
    },
}

impl Frame {
    pub(crate) fn error(message: &str) -> Self {
        Self::Text(json!({"type": "error", "message": message}).to_string())
    }
}

/// A socket as the world knows it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) caller: Caller,
    pub(crate) subscriptions: Vec<Subscription>,
    frames: mpsc::Sender<Frame>,
    pub(crate) cut: CancellationToken,
    recent: VecDeque<Timestamp>,
}

impl Connection {
    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.try_send(frame).is_err() {
            self.cut.cancel();
        }
    }

    pub(crate) fn wants(&self, event: &EventRecord) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.matches(event))
    }
}

/// One `subscribe`, as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    /// None = every inbox of the account, those to come included.
    pub(crate) inboxes: Option<BTreeSet<String>>,
    /// Unsubscribed one by one from a subscription to all.
    pub(crate) except: BTreeSet<String>,
    /// Empty = all.
    pub(crate) event_types: BTreeSet<String>,
}

impl Subscription {
    /// Lifecycle events have no way to a socket: the service sends them to webhooks only.
    pub(crate) fn matches(&self, event: &EventRecord) -> bool {
        let Some(inbox_id) = &event.inbox_id else { return false };
        event.kind == "message.received"
            && (self.event_types.is_empty() || self.event_types.contains(&event.kind))
            && self.inboxes.as_ref().is_none_or(|inboxes| inboxes.contains(inbox_id))
            && !self.except.contains(inbox_id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inboxes.as_ref().is_some_and(BTreeSet::is_empty)
    }
}

/// A socket's own ends of what the world writes to it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) id: u64,
    pub(crate) frames: mpsc::Receiver<Frame>,
    pub(crate) cut: CancellationToken,
}

impl World {
    /// Enters a new socket, or queues the close that tells it why not.
    pub(crate) fn open_connection(&mut self, caller: Caller) -> Opening {
        let (sender, frames) = mpsc::channel(QUEUED_FRAMES);
        let id = self.counts.sockets_opened;
        self.counts.sockets_opened += 1;
        let cut = CancellationToken::new();
        let mut connection = Connection {
            caller,
            subscriptions: Vec::new(),
            frames: sender,
            cut: cut.clone(),
            recent: VecDeque::new(),
        };
        let ordered = self.faults.take(|fault| match fault {
            Fault::CutSocket => Some(None),
            Fault::CloseSocket { code } => Some(Some(*code)),
            _ => None,
        });
        match ordered {
            Some(None) => cut.cancel(),
            Some(Some(code)) => connection.push(Frame::Close { code, reason: String::new() }),
            None => {}
        }
        if self.connections.len() >= CONNECTIONS_PER_ACCOUNT {
            connection.push(Frame::Close { code: 4008, reason: "Too many connections".into() })
        } else {
            drop(self.connections.insert(id, connection))
        }
        Opening { id, frames, cut }
    }

    pub(crate) fn close_connection(&mut self, id: u64) {
        self.connections.remove(&id);
        self.counts.sockets_closed += 1;
    }

    /// Cuts every open socket at once, without a close frame.
    pub(crate) fn drop_sockets(&mut self) {
        self.connections.values().for_each(|connection| connection.cut.cancel());
        self.connections.clear();
    }

    /// Closes every open socket with a code, after what is already on its way.
    pub(crate) fn close_sockets(&mut self, code: u16) {
        for connection in self.connections.values_mut() {
            connection.push(Frame::Close { code, reason: String::new() });
            connection.subscriptions.clear();
        }
    }

    /// Counts a client's message against its budget. False once that is spent.
    pub(crate) fn count_client_message(&mut self, id: u64) -> bool {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(&id) else { return true };
        connection.recent.retain(|at| later(*at, WINDOW) > now);
        connection.recent.push_back(now);
        connection.recent.len() <= MESSAGES_PER_WINDOW
    }

    pub(crate) fn reply(&mut self, id: u64, frame: Frame) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.push(frame);
        }
    }

    pub(crate) fn subscribed_sockets(&self) -> usize {
        self.connections.values().filter(|connection| !connection.subscriptions.is_empty()).count()
    }
}

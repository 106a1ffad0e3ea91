use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use super::{
    Clock, Settings,
    clock::{next_utc_day, until},
    connections::Connection,
    faults::Faults,
    ids,
    index::Index,
    journal::Journal,
    ledger::Ledger,
    per_day::PerDay,
    relay::Handover,
    reputation::Reputation,
    senders::Senders,
    sends::Remembered,
    standing::Standing,
    webhooks::{AccountWebhook, PendingAttempt},
};
use crate::model::{Counts, EventRecord, Inbox, Key, Message, Pod, Scope, Sent, Thread, WebhookAttempt};

/// Everything the service would keep in its databases.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) customer_id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) pods: Vec<Pod>,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) keys: Vec<Key>,
    /// Threads without their messages: those are in `messages`.
    pub(crate) threads: Vec<Thread>,
    /// In the order in which they came about, which is also that of their times.
    pub(crate) messages: Vec<Message>,
    pub(crate) index: Index,
    pub(crate) sent: Vec<Sent>,
    pub(crate) remembered: HashMap<String, Remembered>,
    pub(crate) ledgers: HashMap<String, Ledger>,
    pub(crate) standing: Standing,
    pub(crate) reputation: Reputation,
    pub(crate) senders: Senders,
    pub(crate) requests: VecDeque<Timestamp>,
    pub(crate) creations: PerDay,
    /// Sends and new recipients of the whole account.
    pub(crate) sent_today: PerDay,
    pub(crate) cold_today: PerDay,
    /// The event log. Its order is the order of replays.
    pub(crate) events: Vec<EventRecord>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) account_webhook: Option<AccountWebhook>,
    pub(crate) pending: Vec<PendingAttempt>,
    pub(crate) attempts: Vec<WebhookAttempt>,
    /// What the relay has yet to take.
    pub(crate) relay: Vec<Handover>,
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
    pub(crate) journal: Journal,
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let clock = Clock::default();
        let now = clock.now();
        let account_key = Key {
            id: ids::id("key"),
            token: settings.key.clone(),
            name: Some("sandbox".into()),
            scope: Scope::Account,
            created_at: now,
            last_used_at: None,
        };
        let default_pod = Pod {
            id: ids::id("pod"),
            client_id: None,
            name: Some("Default".into()),
            is_default: true,
            suspended: None,
            created_at: now,
        };
        Self {
            settings,
            clock,
            customer_id: ids::id("cus"),
            created_at: now,
            pods: vec![default_pod],
            inboxes: Vec::new(),
            keys: vec![account_key],
            threads: Vec::new(),
            messages: Vec::new(),
            index: Index::default(),
            sent: Vec::new(),
            remembered: HashMap::new(),
            ledgers: HashMap::new(),
            standing: Standing::default(),
            reputation: Reputation::default(),
            senders: Senders::default(),
            requests: VecDeque::new(),
            creations: PerDay::default(),
            sent_today: PerDay::default(),
            cold_today: PerDay::default(),
            events: Vec::new(),
            connections: BTreeMap::new(),
            account_webhook: None,
            pending: Vec::new(),
            attempts: Vec::new(),
            relay: Vec::new(),
            faults: Faults::default(),
            counts: Counts::default(),
            journal: Journal::default(),
        }
    }

    pub(crate) fn advance_to_midnight(&mut self) {
        let now = self.now();
        self.clock.advance(until(now, next_utc_day(now)));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

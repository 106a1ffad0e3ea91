use std::collections::BTreeMap;

use super::Operation;

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests, by operation.
    pub requests: BTreeMap<Operation, u64>,
    /// 429 answers that the caller earned by going over a limit.
    pub limits_exceeded: u64,
    /// 429 answers that a fault ordered.
    pub limits_ordered: u64,
    /// Requests without a valid key, or beyond their key's scope.
    pub unauthorized: u64,
    /// WebSocket upgrades with the key in the URL, where it ends up in logs.
    pub keys_in_urls: u64,
    /// Requests refused as malformed (400, and 413).
    pub bad_requests: u64,
    /// Fields in request bodies that the contract does not list, where it does not forbid them.
    pub unknown_fields: u64,
    /// Sends accepted, each of them a mail that left.
    pub sends_accepted: u64,
    /// Sends refused, for whatever reason.
    pub sends_refused: u64,
    /// Sends answered from an earlier one under the same key.
    pub sends_repeated: u64,
    /// Sends refused because their key was used with another body.
    pub key_conflicts: u64,
    /// Answers that a fault cut off after the request had been obeyed.
    pub answers_lost: u64,
    /// WebSocket upgrades granted.
    pub sockets_opened: u64,
    /// WebSocket connections that ended.
    pub sockets_closed: u64,
    /// WebSocket upgrades refused.
    pub sockets_refused: u64,
    /// Subscriptions confirmed.
    pub subscriptions: u64,
    /// Events replayed after a `last_event_id`.
    pub events_replayed: u64,
    /// Event frames handed to sockets, replays not counted.
    pub event_frames: u64,
    /// `ack` messages from clients.
    pub acks: u64,
    /// Requests to webhooks.
    pub webhook_attempts: u64,
    /// Requests to webhooks that were not answered with 2xx.
    pub webhook_failures: u64,
    /// Attempts to hand a mail to the relay.
    pub relay_attempts: u64,
    /// Those among them that the relay did not take.
    pub relay_failures: u64,
    /// Requests to the host that attachments are redirected to.
    pub storage_requests: u64,
    /// Those among them that carried an `Authorization` header, which must never happen.
    pub storage_requests_with_key: u64,
}

impl Counts {
    /// Requests for one operation.
    #[must_use]
    pub fn requests(&self, operation: Operation) -> u64 {
        self.requests.get(&operation).copied().unwrap_or_default()
    }
}
